"""Steps that set values: of a constant, of a mapping, of an expression, within bounds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from asof.errors import DefinitionError
from asof.features.cleaning.step import Step, check_reads, check_value
from asof.features.definition import check_name, check_type
from asof.features.expressions import Expr, Scalar, check_row_wise, expression, same_fields
from asof.features.types import DType, Schema, dtype


@dataclass(frozen=True)
class Fill(Step):
    """Replace nulls of `column` by `value`."""

    column: str
    value: Scalar

    __eq__ = same_fields

    def after(self, owner: str, columns: Schema) -> Schema:
        check_value(owner, "fill", self.column, self.value, columns)
        return columns


@dataclass(frozen=True)
class Replace(Step):
    """Replace values of `column` that stand on the left of a pair by the one on its right."""

    column: str
    pairs: tuple[tuple[Scalar, Scalar], ...]

    __eq__ = same_fields

    def after(self, owner: str, columns: Schema) -> Schema:
        dtype = columns.require(owner, "replace column", self.column)
        for old, new in self.pairs:
            if not dtype.takes(old):
                raise DefinitionError(f"{owner}: replace {old!r} in {self.column!r}: the column is {dtype!r}")
            check_value(owner, "replace", self.column, new, columns)
        return columns


@dataclass(frozen=True)
class Derive(Step):
    """Add (or replace) a column computed from the others in its row."""

    name: str
    dtype: DType
    expression: Expr

    __eq__ = same_fields

    def after(self, owner: str, columns: Schema) -> Schema:
        check_reads(owner, f"derive {self.name!r}", self.expression, columns)
        return columns | {self.name: self.dtype}


@dataclass(frozen=True)
class Clip(Step):
    """Raise values of `column` below `low` to it, and lower those above `high` to it."""

    column: str
    low: Scalar
    high: Scalar

    __eq__ = same_fields

    def after(self, owner: str, columns: Schema) -> Schema:
        dtype = columns.require(owner, "clip column", self.column)
        if not (dtype.is_numeric or dtype.is_timestamp or dtype.name == "date"):
            raise DefinitionError(f"{owner}: clip needs numbers or times, {self.column!r} is {dtype!r}")
        for bound in (self.low, self.high):
            check_value(owner, "clip", self.column, bound, columns)
        return columns


def fill(column: str, value: Scalar) -> Fill:
    """Replace nulls of `column` by `value`."""
    return Fill(check_type("fill", "column", column, str), value)


def replace(column: str, mapping: Mapping[Scalar, Scalar]) -> Replace:
    """Replace the values of `column` that are keys of `mapping`."""
    check_type("replace", "mapping", mapping, Mapping)  # type: ignore[type-abstract]
    return Replace(check_type("replace", "column", column, str), tuple(mapping.items()))


def derive(name: str, type: DType | str, value: object) -> Derive:
    """Add the column `name` of the given type, computed by an expression from the row.

    >>> from asof.features.expressions import sql
    >>> from asof.features.types import Float64
    >>> derive("ounces", Float64, sql("try_cast(regexp_extract(size, '([0-9.]+) *OZ', 1) as double)")).name
    'ounces'
    """
    check_name("derive", name)
    return Derive(name, dtype(type), check_row_wise(f"derive {name!r}", expression(value)))


def clip(column: str, low: Scalar = None, high: Scalar = None) -> Clip:
    """Bring values of `column` below `low` up to it, those above `high` down to it; None: no bound."""
    check_type("clip", "column", column, str)
    if low is None and high is None:
        raise DefinitionError(f"clip({column!r}) needs a low or a high bound")
    if low is not None and type(low) is type(high) and low > high:  # type: ignore[operator]
        raise DefinitionError(f"clip({column!r}): low {low!r} is above high {high!r}")
    return Clip(column, low, high)
