"""Aggregates over windows of events: what is written as `Sum("amount", over=["7d", "30d"])`.

An aggregate ignores nulls in its column. `Count()` counts rows, `Count("x")` rows whose x is not
null. A window `w` at the cut-off `t` covers the events with `t - w < e <= t`; without `over`, all
events up to the cut-off; `offset` shifts it back as a whole.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import timedelta

from asof.errors import DefinitionError
from asof.features.definition import check_each, check_name, check_type, checked_arguments
from asof.features.durations import ZERO, Duration
from asof.features.expressions import Expr, check_condition, columns_of, same_fields
from asof.features.types import Decimal, DType, Float64, Int64, Schema

_WINDOW = (str, timedelta, Duration)
Over = str | timedelta | Duration | Iterable[str | timedelta | Duration] | None


@dataclass(frozen=True)
class WindowFeature:
    """One aggregate over one window, ready for a kernel.

    `window` is None for all history. A "ratio" has no column of its own but two `parts`.
    """

    name: str
    function: str
    column: str | None
    window: Duration | None
    offset: Duration
    where: Expr | None
    dtype: DType
    parts: tuple[WindowFeature, ...] = ()

    __eq__ = same_fields

    @property
    def columns(self) -> frozenset[str]:
        """The columns that its value is computed from."""
        own = {self.column} if self.column else set()
        where = columns_of(self.where) if self.where is not None else frozenset()
        return frozenset(own | where).union(*(part.columns for part in self.parts))


@checked_arguments
@dataclass(frozen=True, eq=False, repr=False, init=False)
class Aggregate(Expr):
    """An aggregate of a column over one or more windows."""

    function = "aggregate"
    column: str | None
    over: tuple[Duration | None, ...]
    where: Expr | None
    offset: Duration
    name: str | None

    def __init__(
        self,
        column: str | None = None,
        *,
        over: Over = None,
        where: Expr | None = None,
        offset: str | timedelta | Duration = ZERO,
        name: str | None = None,
    ) -> None:
        owner = type(self).__name__
        if column is not None:
            check_type(owner, "column", column, str)
        if where is not None:
            check_condition(f"{owner} where", where)
        if name is not None:
            check_name(owner, name)
        for field, value in {
            "column": column,
            "over": _windows(owner, over),
            "where": where,
            "offset": Duration.of(offset, f"{owner} offset"),
            "name": name,
        }.items():
            object.__setattr__(self, field, value)

    def __repr__(self) -> str:
        shown = self._operands()
        if self.over != (None,):
            shown.append(f"over={[str(window) for window in self.over]}")
        if self.where is not None:
            shown.append(f"where={self.where!r}")
        if self.offset != ZERO:
            shown.append(f"offset={str(self.offset)!r}")
        if self.name is not None:
            shown.append(f"name={self.name!r}")
        return f"{type(self).__name__}({', '.join(shown)})"

    def _operands(self) -> list[str]:
        return [repr(self.column)] if self.column else []

    @property
    def stem(self) -> str:
        """The name without its window: `amount_sum`, or the name that was given."""
        return self.name or (f"{self.column}_{self.function}" if self.column else self.function)

    def result(self, column: DType | None) -> DType:
        """The type of the aggregate of a column of type `column`."""
        assert column is not None
        return column

    def check(self, owner: str, columns: Schema) -> None:
        """DefinitionError for `owner` where the aggregate does not fit `columns`."""
        for name in sorted(self.reads()):
            columns.require(owner, f"in {self!r}", name)

    def reads(self) -> frozenset[str]:
        """The columns that the aggregate reads."""
        where = columns_of(self.where) if self.where is not None else frozenset()
        return where | ({self.column} if self.column else set())

    def expand(self, columns: Schema) -> tuple[WindowFeature, ...]:
        """One feature for each window, over rows with `columns`."""
        dtype = self.result(columns[self.column] if self.column else None)
        return tuple(
            WindowFeature(
                _suffixed(self.stem, window, self.offset),
                self.function,
                self.column,
                window,
                self.offset,
                self.where,
                dtype,
            )
            for window in self.over
        )


class Count(Aggregate):
    """Rows, or rows whose `column` is not null; 0 where there are none. Int64."""

    function = "count"

    def result(self, column: DType | None) -> DType:
        return Int64


@checked_arguments
class _OfColumn(Aggregate):
    def __init__(
        self,
        column: str,
        *,
        over: Over = None,
        where: Expr | None = None,
        offset: str | timedelta | Duration = ZERO,
        name: str | None = None,
    ) -> None:
        super().__init__(column, over=over, where=where, offset=offset, name=name)


class _OfNumbers(_OfColumn):
    def check(self, owner: str, columns: Schema) -> None:
        super().check(owner, columns)
        assert self.column is not None
        if not columns[self.column].is_numeric:
            raise DefinitionError(
                f"{owner}: {self!r} needs a number, {self.column!r} is {columns[self.column]!r}; "
                "Count, CountDistinct, Min, Max, First and Last take any type"
            )


class CountDistinct(_OfColumn):
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


class Min(_OfColumn):
    """Least value, null of nothing."""

    function = "min"


class Max(_OfColumn):
    """Greatest value, null of nothing."""

    function = "max"


class First(_OfColumn):
    """The value of the earliest event, null of nothing."""

    function = "first"


class Last(_OfColumn):
    """The value of the latest event, null of nothing."""

    function = "last"


class DaysSinceLast(Aggregate):
    """Days from the latest event to the cut-off, with fraction; null of nothing. Float64."""

    function = "days_since_last"

    def result(self, column: DType | None) -> DType:
        return Float64


@checked_arguments
@dataclass(frozen=True, eq=False, repr=False, init=False)
class Ratio(Aggregate):
    """One aggregate divided by another over the same windows; null where either is null or the divisor 0.

    Float64. It has no column or filter of its own: its two aggregates may.
    """

    function = "ratio"
    numerator: Aggregate
    denominator: Aggregate

    def __init__(
        self,
        numerator: Aggregate,
        denominator: Aggregate,
        *,
        name: str,
        over: Over = None,
        offset: str | timedelta | Duration = ZERO,
    ) -> None:
        super().__init__(over=over, offset=offset, name=name)
        for field, part in {"numerator": numerator, "denominator": denominator}.items():
            check_type("Ratio", field, part, Aggregate)
            if isinstance(part, Ratio) or part.over != (None,) or part.offset != ZERO:
                raise DefinitionError(
                    f"Ratio: {field} {part!r} must be a plain aggregate; give over and offset to Ratio"
                )
            object.__setattr__(self, field, part)

    def _operands(self) -> list[str]:
        return [repr(self.numerator), repr(self.denominator)]

    def check(self, owner: str, columns: Schema) -> None:
        for part in (self.numerator, self.denominator):
            part.check(owner, columns)
            dtype = part.result(columns[part.column] if part.column else None)
            if not dtype.is_numeric:
                raise DefinitionError(f"{owner}: {self!r} needs numbers, {part!r} is {dtype!r}")

    def reads(self) -> frozenset[str]:
        return self.numerator.reads() | self.denominator.reads()

    def expand(self, columns: Schema) -> tuple[WindowFeature, ...]:
        return tuple(
            WindowFeature(
                _suffixed(self.stem, window, self.offset),
                "ratio",
                None,
                window,
                self.offset,
                None,
                Float64,
                tuple(
                    replace(part.expand(columns)[0], window=window, offset=self.offset)
                    for part in (self.numerator, self.denominator)
                ),
            )
            for window in self.over
        )


def _windows(owner: str, over: Over) -> tuple[Duration | None, ...]:
    if over is None:
        return (None,)
    listed = [over] if isinstance(over, _WINDOW) else check_each(owner, "over", over, _WINDOW)
    if not listed:
        raise DefinitionError(
            f"{owner}: over is empty; give windows, as in over=['7d', '30d'], or leave it out for all history"
        )
    return tuple(Duration.positive(window, f"{owner} window") for window in listed)


def _suffixed(stem: str, window: Duration | None, offset: Duration) -> str:
    name = f"{stem}_{window}" if window else stem
    return f"{name}_ago_{offset}" if offset != ZERO else name
