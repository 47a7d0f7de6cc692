"""Declared cleaning steps, applied in order to every row that is ingested."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from asof.errors import DefinitionError
from asof.features.definition import check_name, check_type
from asof.features.expressions import (
    Expr,
    Scalar,
    check_condition,
    check_row_wise,
    columns_of,
    expression,
    same_fields,
)
from asof.features.types import DType, Schema, String, dtype


class Step(Protocol):
    """A cleaning step. `after` checks it against the columns it is given and says what it leaves."""

    def after(self, owner: str, columns: Schema) -> Schema: ...


@dataclass(frozen=True)
class Fill:
    """Replace nulls of `column` by `value`."""

    column: str
    value: Scalar

    __eq__ = same_fields

    def after(self, owner: str, columns: Schema) -> Schema:
        _check_value(owner, "fill", self.column, self.value, columns)
        return columns


@dataclass(frozen=True)
class Replace:
    """Replace values of `column` that stand on the left of a pair by the one on its right."""

    column: str
    pairs: tuple[tuple[Scalar, Scalar], ...]

    __eq__ = same_fields

    def after(self, owner: str, columns: Schema) -> Schema:
        dtype = columns.require(owner, "replace column", self.column)
        for old, new in self.pairs:
            if not dtype.takes(old):
                raise DefinitionError(f"{owner}: replace {old!r} in {self.column!r}: the column is {dtype!r}")
            _check_value(owner, "replace", self.column, new, columns)
        return columns


@dataclass(frozen=True)
class Trim:
    """Strip white space around the text of `column` and fold it inside; empty text becomes null."""

    column: str

    def after(self, owner: str, columns: Schema) -> Schema:
        if columns.require(owner, "trim column", self.column) != String:
            raise DefinitionError(f"{owner}: trim needs text, {self.column!r} is {columns[self.column]!r}")
        return columns


@dataclass(frozen=True)
class DropWhere:
    """Drop the rows for which `condition` is true; they are counted in the run record."""

    condition: Expr

    __eq__ = same_fields

    def after(self, owner: str, columns: Schema) -> Schema:
        _check_reads(owner, "drop_where", self.condition, columns)
        return columns


@dataclass(frozen=True)
class Dedupe:
    """Keep the first ingested row of those that agree in `columns`; the others are counted as dropped."""

    columns: tuple[str, ...]

    def after(self, owner: str, columns: Schema) -> Schema:
        for name in self.columns:
            columns.require(owner, "dedupe column", name)
        return columns


@dataclass(frozen=True)
class Derive:
    """Add (or replace) a column computed from the others in its row."""

    name: str
    dtype: DType
    expression: Expr

    __eq__ = same_fields

    def after(self, owner: str, columns: Schema) -> Schema:
        _check_reads(owner, f"derive {self.name!r}", self.expression, columns)
        return columns | {self.name: self.dtype}


def fill(column: str, value: Scalar) -> Fill:
    """Replace nulls of `column` by `value`."""
    return Fill(check_type("fill", "column", column, str), value)


def replace(column: str, mapping: Mapping[Scalar, Scalar]) -> Replace:
    """Replace the values of `column` that are keys of `mapping`."""
    check_type("replace", "mapping", mapping, Mapping)  # type: ignore[type-abstract]
    return Replace(check_type("replace", "column", column, str), tuple(mapping.items()))


def trim(column: str) -> Trim:
    """Strip white space around the text of `column` and fold it inside; empty text becomes null."""
    return Trim(check_type("trim", "column", column, str))


def drop_where(condition: Expr) -> DropWhere:
    """Drop the rows for which `condition` is true (not those where it is null)."""
    return DropWhere(check_condition("drop_where", condition))


def keep_where(condition: Expr) -> DropWhere:
    """Keep the rows for which `condition` is true or null, drop those where it is false."""
    return DropWhere(~check_condition("keep_where", condition))


def dedupe(*columns: str) -> Dedupe:
    """Keep the first ingested of the rows that agree in `columns`."""
    if not columns:
        raise DefinitionError("dedupe() needs the columns that tell rows apart, as dedupe('invoice', 'line')")
    return Dedupe(tuple(check_type("dedupe", "column", name, str) for name in columns))


def derive(name: str, type: DType | str, value: object) -> Derive:
    """Add the column `name` of the given type, computed by an expression from the row.

    >>> from asof.features.expressions import sql
    >>> from asof.features.types import Float64
    >>> derive("ounces", Float64, sql("try_cast(regexp_extract(size, '([0-9.]+) *OZ', 1) as double)")).name
    'ounces'
    """
    check_name("derive", name)
    return Derive(name, dtype(type), check_row_wise(f"derive {name!r}", expression(value)))


def _check_value(owner: str, what: str, column: str, value: Scalar, columns: Schema) -> None:
    dtype = columns.require(owner, f"{what} column", column)
    broken = dtype.is_integer and not isinstance(value, int | None)
    if broken or not dtype.takes(value):
        raise DefinitionError(f"{owner}: {what} {column!r} with {value!r}: the column is {dtype!r}")


def _check_reads(owner: str, what: str, condition: Expr, columns: Schema) -> None:
    for name in sorted(columns_of(condition)):
        columns.require(owner, f"column in {what}", name)
