"""Aggregates that are one value each.

`Count()` counts rows, `Count("x")` rows whose x is not null.
"""

from __future__ import annotations

from datetime import timedelta

from asof.errors import DefinitionError
from asof.features.aggregates.aggregate import Aggregate, Over
from asof.features.aggregates.categories import Categories
from asof.features.definition import checked_arguments
from asof.features.durations import ZERO, Duration
from asof.features.expressions import Expr
from asof.features.types import Decimal, DType, Float64, Int64, Schema


class Count(Aggregate):
    """Rows, or rows whose `column` is not null; 0 where there are none. Int64."""

    function = "count"

    def result(self, column: DType | None) -> DType:
        return Int64


@checked_arguments
class OfColumn(Aggregate):
    """An aggregate that needs a column."""

    def __init__(
        self,
        column: str,
        *,
        over: Over = None,
        where: Expr | None = None,
        offset: str | timedelta | Duration = ZERO,
        by: str | None = None,
        categories: Categories | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(
            column, over=over, where=where, offset=offset, by=by, categories=categories, name=name
        )


class _OfNumbers(OfColumn):
    def check(self, owner: str, columns: Schema) -> None:
        super().check(owner, columns)
        assert self.column is not None
        if not columns[self.column].is_numeric:
            raise DefinitionError(
                f"{owner}: {self!r} needs a number, {self.column!r} is {columns[self.column]!r}; "
                "Count, CountDistinct, Min, Max, First and Last take any type"
            )


class OfValues(OfColumn):
    """An aggregate that compares values."""

    def check(self, owner: str, columns: Schema) -> None:
        super().check(owner, columns)
        assert self.column is not None
        if columns[self.column].is_list or columns[self.column].is_map:
            raise DefinitionError(
                f"{owner}: {self!r} compares values, {self.column!r} is {columns[self.column]!r}"
            )


class CountDistinct(OfValues):
    """Different values; 0 where there are none. Int64."""

    function = "count_distinct"

    def result(self, column: DType | None) -> DType:
        return Int64


class Sum(_OfNumbers):
    """Sum, null of nothing. Int64 of integers, Decimal(38, s) of decimals (both exact), else Float64."""

    function = "sum"

    def result(self, column: DType | None) -> DType:
        assert column is not None
        if column.is_decimal:
            return Decimal(38, column.scale)
        return Int64 if column.is_integer else Float64


class Mean(_OfNumbers):
    """Sum divided by count, null of nothing. Float64."""

    function = "mean"

    def result(self, column: DType | None) -> DType:
        return Float64


class Std(_OfNumbers):
    """Standard deviation of a sample (divided by n - 1), null of fewer than two values. Float64."""

    function = "std"

    def result(self, column: DType | None) -> DType:
        return Float64


class Min(OfValues):
    """Least value, null of nothing."""

    function = "min"


class Max(OfValues):
    """Greatest value, null of nothing."""

    function = "max"


class First(OfColumn):
    """The value of the earliest event, null of nothing."""

    function = "first"


class Last(OfColumn):
    """The value of the latest event, null of nothing."""

    function = "last"


class DaysSinceLast(Aggregate):
    """Days from the latest event to the cut-off, with fraction; null of nothing. Float64."""

    function = "days_since_last"

    def result(self, column: DType | None) -> DType:
        return Float64
