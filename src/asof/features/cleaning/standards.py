"""Steps that bring text to the values of a standard list: of countries, states, currencies, or one's own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from asof.errors import DefinitionError, choices
from asof.features.cleaning.step import Step, check_text, checked_on_fail
from asof.features.definition import check_each, check_type
from asof.features.types import Schema

STANDARDS = {
    "country": 1,
    "country_alpha_3": 1,
    "country_name": 1,
    "us_state": 1,
    "us_state_name": 1,
    "currency": 1,
}
"""The lists that come with Asof, each with its edition: another one means that tables are built anew."""


@dataclass(frozen=True)
class Normalise(Step):
    """Bring the text of `column` to a value of a standard: of one by name, or of those in `values`.

    `aliases` are pairs of another spelling and the value that it means.
    """

    column: str
    standard: str | None
    edition: int
    values: tuple[str, ...]
    aliases: tuple[tuple[str, str], ...]
    on_fail: str

    def after(self, owner: str, columns: Schema) -> Schema:
        check_text(owner, "normalise", self.column, columns)
        return columns


def normalise(
    column: str,
    to: str | Iterable[str],
    aliases: Mapping[str, str] | None = None,
    *,
    on_fail: str = "null",
) -> Normalise:
    """Bring text to the values of a standard list: "UK", "gbr" and " Great  Britain" all to "GB".

    `to` is a list of one's own or the name of one that comes with Asof: "country" (ISO 3166 alpha-2),
    "country_alpha_3", "country_name", "us_state" (two letters), "us_state_name", "currency" (ISO 4217).
    Case, accents, spaces and punctuation do not matter; `aliases` says what else is written for a value.
    Blank text is null. What matches nothing becomes null (`on_fail="null"`) or sends its row to
    quarantine (`on_fail="quarantine"`), and the run record says which texts those were and how often.
    """
    owner = f"normalise({column!r})"
    check_type("normalise", "column", column, str)
    standard = to if isinstance(to, str) else None
    if standard is not None and standard not in STANDARDS:
        raise DefinitionError(f"{owner}: no standard is named {to!r}; {choices(standard, STANDARDS)}")
    values = () if standard else check_each(owner, "to", to, (str,))
    if not (standard or values):
        raise DefinitionError(f"{owner}: the list is empty; give the values, as in ['London', 'Leeds']")
    pairs = _checked_aliases(owner, aliases or {}, values or _standard_values(standard, aliases))
    edition = STANDARDS[standard] if standard else 0
    return Normalise(column, standard, edition, values, pairs, checked_on_fail(owner, on_fail))


def _standard_values(standard: str | None, aliases: object) -> tuple[str, ...]:
    """The values of a list that comes with Asof, loaded where there are aliases to be checked."""
    if standard is None or not aliases:
        return ()
    from asof.features.cleaning.lists.spellings import values

    return values(standard)


def _checked_aliases(owner: str, aliases: object, values: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    given = check_type(owner, "aliases", aliases, Mapping)  # type: ignore[type-abstract]
    meant: dict[str, str] = {value.casefold(): value for value in values}
    for alias, value in given.items():
        check_type(owner, "alias", alias, str)
        if value not in values:
            raise DefinitionError(f"{owner}: alias {alias!r} means {value!r}; {choices(str(value), values)}")
        if meant.setdefault(alias.casefold(), value) != value:
            raise DefinitionError(
                f"{owner}: {alias!r} means both {meant[alias.casefold()]!r} and {value!r}; drop one"
            )
    return tuple(given.items())
