"""What all cleaning steps are, and how they are checked against the columns that they are given."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from asof.errors import DefinitionError, choices
from asof.features.definition import check_each, check_type
from asof.features.expressions import Expr, Scalar, columns_of
from asof.features.types import DType, Schema, String

ON_FAIL = ("null", "quarantine")
"""What becomes of text that a step can't read: null, or the whole row goes to quarantine."""


@dataclass(frozen=True)
class Step:
    """A cleaning step: a value that says what is to be done with each row."""

    def after(self, owner: str, columns: Schema) -> Schema:
        """The columns that the step leaves; DefinitionError for `owner` where it does not fit `columns`."""
        raise NotImplementedError


def checked_steps(owner: str, given: Iterable[object]) -> tuple[Step, ...]:
    """Cleaning steps, in an order of their own, as a tuple."""
    steps = check_each(owner, "clean", given, (object,))
    for step in steps:
        if not isinstance(step, Step):
            raise DefinitionError(
                f"{owner}: each of clean must be a cleaning step, as trim('country'), "
                f"got {type(step).__name__} {step!r}"
            )
    return steps


def check_value(owner: str, what: str, column: str, value: Scalar, columns: Schema) -> None:
    """DefinitionError where a column can't have a value."""
    dtype = columns.require(owner, f"{what} column", column)
    broken = dtype.is_integer and not isinstance(value, int | None)
    if broken or not dtype.takes(value):
        raise DefinitionError(f"{owner}: {what} {column!r} with {value!r}: the column is {dtype!r}")


def check_reads(owner: str, what: str, expr: Expr, columns: Schema) -> None:
    """DefinitionError where an expression reads a column that is not there."""
    for name in sorted(columns_of(expr)):
        columns.require(owner, f"column in {what}", name)


def check_text(owner: str, what: str, column: str, columns: Schema) -> None:
    """DefinitionError where a column is not there or holds no text."""
    if columns.require(owner, f"{what} column", column) != String:
        raise DefinitionError(f"{owner}: {what} needs text, {column!r} is {columns[column]!r}")


def check_new(owner: str, what: str, names: Iterable[str], columns: Schema) -> None:
    """DefinitionError where a column that a step adds is there already."""
    for name in names:
        if name in columns:
            raise DefinitionError(f"{owner}: {what} would replace the column {name!r}; give another name")


def checked_columns(what: str, given: tuple[object, ...], example: str) -> tuple[str, ...]:
    """Names of columns, at least one."""
    if not given:
        raise DefinitionError(f"{what}() needs columns, as {example}")
    return tuple(check_type(what, "column", name, str) for name in given)


def checked_on_fail(owner: str, given: str) -> str:
    """One of `ON_FAIL`."""
    if given not in ON_FAIL:
        raise DefinitionError(f"{owner}: on_fail={given!r} is unknown; {choices(str(given), ON_FAIL)}")
    return given


def checked_dtype(owner: str, given: DType, allowed: tuple[str, ...]) -> DType:
    """A type whose name begins with one of those allowed."""
    if not given.name.startswith(allowed):
        named = ", ".join(name.capitalize() for name in allowed)
        raise DefinitionError(f"{owner}: type {given!r} can't be; allowed: {named}")
    return given
