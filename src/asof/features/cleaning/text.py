"""Steps on text: white space, case, accents, pieces."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from asof.errors import DefinitionError
from asof.features.cleaning.step import Step, check_new, check_text
from asof.features.definition import check_each, check_name, check_type, check_unique
from asof.features.types import Schema, String


@dataclass(frozen=True)
class Trim(Step):
    """Strip white space around the text of `column` and fold it inside; empty text becomes null."""

    column: str

    def after(self, owner: str, columns: Schema) -> Schema:
        check_text(owner, "trim", self.column, columns)
        return columns


@dataclass(frozen=True)
class Respell(Step):
    """Write the text of `column` another way: "lower", "upper", "title" or "strip_accents"."""

    column: str
    way: str

    def after(self, owner: str, columns: Schema) -> Schema:
        check_text(owner, self.way, self.column, columns)
        return columns


@dataclass(frozen=True)
class Split(Step):
    """Put the pieces of the text of `column` that stand between `on` in columns of their own."""

    column: str
    into: tuple[str, ...]
    on: str

    def after(self, owner: str, columns: Schema) -> Schema:
        check_text(owner, "split", self.column, columns)
        check_new(owner, "split", self.into, columns)
        return columns | dict.fromkeys(self.into, String)


def trim(column: str) -> Trim:
    """Strip white space around the text of `column` and fold it inside; empty text becomes null."""
    return Trim(check_type("trim", "column", column, str))


def lower(column: str) -> Respell:
    """Write the text of `column` in lower case."""
    return Respell(check_type("lower", "column", column, str), "lower")


def upper(column: str) -> Respell:
    """Write the text of `column` in upper case, letter by letter."""
    return Respell(check_type("upper", "column", column, str), "upper")


def title(column: str) -> Respell:
    """Write each word in the text of `column` with a capital and then small letters, as in "New York"."""
    return Respell(check_type("title", "column", column, str), "title")


def strip_accents(column: str) -> Respell:
    """Take the accents off the letters in the text of `column`: "Élan" becomes "Elan"."""
    return Respell(check_type("strip_accents", "column", column, str), "strip_accents")


def split(column: str, into: Iterable[str], on: str) -> Split:
    """Add a column of text for each name of `into`, with the pieces of `column` between the text `on`.

    White space around a piece is stripped; an empty or missing one is null. The last column has all
    that is left: "a, b, c" split into two on "," is "a" and "b, c".
    """
    check_type("split", "column", column, str)
    names = check_each("split", "into", into, (str,))
    for name in names:
        check_name("split", name)
    check_unique("split", "columns", names)
    if len(names) < 2 or not check_type("split", "on", on, str):
        raise DefinitionError(
            f"split({column!r}) needs two columns or more and a text between them, "
            "as split('name', into=['first', 'last'], on=' ')"
        )
    return Split(column, names, on)
