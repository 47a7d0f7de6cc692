"""Steps that read numbers, quantities and dates from text; what they can't read is counted."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from asof.errors import DefinitionError, choices
from asof.features.cleaning.step import Step, check_text, checked_dtype, checked_on_fail
from asof.features.cleaning.units import checked_unit
from asof.features.definition import check_each, check_type
from asof.features.types import Date, DType, Float64, Schema, dtype

DECIMAL_MARKS = (".", ",")
DIRECTIVES = "aAbBdmyYjHIpMSf"
"""What may follow a % in a format of a date, with the meaning that it has in Python's strptime."""


@dataclass(frozen=True)
class ParseNumber(Step):
    """Read the text of `column` as a number of type `dtype`."""

    column: str
    dtype: DType
    decimal: str
    on_fail: str

    def after(self, owner: str, columns: Schema) -> Schema:
        check_text(owner, "parse_number", self.column, columns)
        return columns | {self.column: self.dtype}


@dataclass(frozen=True)
class ParseQuantity(Step):
    """Read the text of `column` as a number with a unit, in `unit`."""

    column: str
    unit: str
    decimal: str
    on_fail: str

    def after(self, owner: str, columns: Schema) -> Schema:
        check_text(owner, "parse_quantity", self.column, columns)
        return columns | {self.column: Float64}


@dataclass(frozen=True)
class ParseDate(Step):
    """Read the text of `column` as a date or time in the first of `formats` that fits."""

    column: str
    formats: tuple[str, ...]
    dtype: DType
    on_fail: str

    def after(self, owner: str, columns: Schema) -> Schema:
        check_text(owner, "parse_date", self.column, columns)
        return columns | {self.column: self.dtype}


def parse_number(
    column: str, type: DType | str = Float64, *, decimal: str = ".", on_fail: str = "null"
) -> ParseNumber:
    """Read numbers as people write them: "1,234.50", "(12)", "12-", "5%", "$ 3", "1 200 EUR".

    `decimal` is the mark before the fraction; digits may be grouped by the other one, by spaces or by
    apostrophes. Parentheses mean below zero, 5% is 0.05, a currency is left. Blank text is null. Text
    that is no number, or one that the type can't hold exactly, becomes null (`on_fail="null"`) or sends
    its row to quarantine (`on_fail="quarantine"`). The column then has the type, an integer, Float64
    or a Decimal.
    """
    owner = f"parse_number({column!r})"
    check_type("parse_number", "column", column, str)
    kind = checked_dtype(owner, dtype(type), ("int", "float64", "decimal"))
    return ParseNumber(column, kind, _checked_mark(owner, decimal), checked_on_fail(owner, on_fail))


def parse_quantity(column: str, unit: str, *, decimal: str = ".", on_fail: str = "null") -> ParseQuantity:
    """Read quantities such as "12 oz" or "1.5 lb" as a Float64 of `unit`, as "g".

    Units of mass, volume, length, time and data are known; text with none, or with one of another
    dimension than `unit`, can't be read. Otherwise as `parse_number`.
    """
    owner = f"parse_quantity({column!r})"
    check_type("parse_quantity", "column", column, str)
    known = checked_unit(owner, unit)
    return ParseQuantity(column, known, _checked_mark(owner, decimal), checked_on_fail(owner, on_fail))


def parse_date(
    column: str, formats: Iterable[str], type: DType | str = Date, *, on_fail: str = "null"
) -> ParseDate:
    """Read dates in the first of `formats` that fits, as "%d/%m/%Y"; the column is then a Date or Timestamp.

    Formats are those of Python's strptime. Times are local to the source's `timezone`; of one that is
    there twice, as when clocks go back, the first is meant, and one that clocks skip can't be read.
    """
    owner = f"parse_date({column!r})"
    check_type("parse_date", "column", column, str)
    listed = check_each(owner, "formats", formats, (str,))
    for format in listed:
        _check_format(owner, format)
    if not listed:
        raise DefinitionError(f"{owner} needs formats, as in ['%d/%m/%Y']")
    kind = dtype(type)
    if kind.name not in ("date", "timestamp"):
        raise DefinitionError(f"{owner}: type {kind!r} can't be; allowed: Date, Timestamp")
    return ParseDate(column, listed, kind, checked_on_fail(owner, on_fail))


def _checked_mark(owner: str, decimal: str) -> str:
    if decimal not in DECIMAL_MARKS:
        raise DefinitionError(f"{owner}: decimal={decimal!r} is unknown; {choices('', DECIMAL_MARKS)}")
    return decimal


def _check_format(owner: str, format: str) -> None:
    used = re.findall(r"%(.?)", format.replace("%%", ""))
    for directive in used:
        if directive not in DIRECTIVES or not directive:
            allowed = " ".join(f"%{letter}" for letter in DIRECTIVES)
            raise DefinitionError(f"{owner}: %{directive} in {format!r} is unknown; allowed: {allowed}")
    year, month, day = {"y", "Y"} & {*used}, {"m", "b", "B", "j"} & {*used}, {"d", "j"} & {*used}
    if not (year and month and day):
        raise DefinitionError(f"{owner}: {format!r} has no year, month and day, as '%d/%m/%Y' has")
