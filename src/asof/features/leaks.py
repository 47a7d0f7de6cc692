"""What a project does about leaks, by check."""

from __future__ import annotations

from collections.abc import Mapping

from asof.errors import DefinitionError, choices

CHECKS = {
    "future": "a feature changes when what came after the cut-off is taken away",
    "late": "a feature sees rows that came later than they say",
    "history": "an attribute without history was loaded after the cut-offs",
    "known_at": "a feature differs when a row counts only from when it was known",
    "prediction": "a feature alone tells the outcome suspiciously well",
    "outcome": "a feature is what happened in the label's own window",
    "overlap": "the same entity and cut-off is on both sides of the split",
    "duplicates": "the same features are on both sides of the split, more often than by chance",
    "embargo": "a label for training reaches into the test",
}
"""The leak checks, with what each finds."""

ACTIONS = ("fail", "warn", "ignore")
DEFAULT = "default"


def actions(owner: str, given: str | Mapping[str, object]) -> dict[str, str]:
    """What is to be done about the findings of each check.

    Given is one action for all, or one for each check by name, with "default" for the others.

    >>> actions("asof.toml", {"default": "fail", "history": "ignore"})["history"]
    'ignore'
    """
    by_name = {DEFAULT: given} if isinstance(given, str) else {DEFAULT: "warn", **given}
    for name, action in by_name.items():
        if name != DEFAULT and name not in CHECKS:
            raise DefinitionError(
                f"{owner}: leaks: no check is named {name!r}; {choices(name, [DEFAULT, *CHECKS])}"
            )
        if action not in ACTIONS:
            raise DefinitionError(f"{owner}: leaks: {name} is {action!r}; {choices(str(action), ACTIONS)}")
    return {check: str(by_name.get(check, by_name[DEFAULT])) for check in CHECKS}
