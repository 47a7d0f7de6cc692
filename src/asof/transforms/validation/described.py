"""Expectations and outcomes in a few words."""

from __future__ import annotations

from asof.features.expectations import Expectation
from asof.transforms.validation.outcomes import Outcome

_NAMES = ("column", "column_A", "column_B", "column_list")
_ORDER = {"min_value": 0, "max_value": 1, "mostly": 3}


def described(rule: Expectation) -> str:
    """An expectation in a few words.

    >>> from asof.features.expectations import between
    >>> described(between("quantity", 1, 10))
    'quantity: expect values to be between (min_value=1, max_value=10)'
    """
    about = ", ".join(rule.columns)
    given = [f"{name}={value!r}" for name, value in arguments(rule)]
    said = f"expect {words(rule)}" + (f" ({', '.join(given)})" if given else "")
    return f"{about}: {said}" if about else said


def words(rule: Expectation) -> str:
    """The name of an expectation as words, without what it is about."""
    return rule.kind.removeprefix("expect_").removeprefix("column_").replace("_", " ")


def arguments(rule: Expectation) -> list[tuple[str, object]]:
    """The arguments of an expectation besides its columns, in an order to read."""
    told = [(name, value) for name, value in rule.arguments.items() if name not in _NAMES]
    return sorted(told, key=lambda argument: _ORDER.get(argument[0], 2))


def broken(outcome: Outcome) -> str:
    """An expectation that is not met, and what was found instead."""
    return f"{described(outcome.expectation)}, {found(outcome)}"


def found(outcome: Outcome) -> str:
    """What was found where an expectation was held against a table, in a few words."""
    result = outcome.result
    if "element_count" in result:
        judged = result["element_count"] - result.get("missing_count", 0)
        return f"broken by {result['unexpected_count']:,} of {_rows(judged)}"
    for what in ("unexpected", "missing"):
        if result.get(f"{what}_count"):
            return f"{what}: {', '.join(map(str, result[f'partial_{what}_list']))}"
    return f"got {result['observed_value']}" if "observed_value" in result else "it does not"


def _rows(number: int) -> str:
    return "1 row" if number == 1 else f"{number:,} rows"
