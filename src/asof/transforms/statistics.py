"""Statistics of columns, kept with every training set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc


@dataclass(frozen=True)
class ColumnStatistics:
    """What is known of the values of a column; those of parts of a table can be merged.

    `least` and `greatest` are None where there is no value; `total` and `squares` are the sums of
    numbers and of their squares as floats, None of anything else (a bool counts as 0 or 1).
    """

    values: int
    nulls: int
    least: Any
    greatest: Any
    total: float | None
    squares: float | None

    def merged(self, other: ColumnStatistics) -> ColumnStatistics:
        """The statistics of both together."""
        return ColumnStatistics(
            self.values + other.values,
            self.nulls + other.nulls,
            _of_present(min, self.least, other.least),
            _of_present(max, self.greatest, other.greatest),
            _of_present(sum, self.total, other.total),
            _of_present(sum, self.squares, other.squares),
        )

    def described(self) -> dict[str, Any]:
        """As JSON data: nulls, min and max (times and decimals as text), mean and std of numbers."""
        found: dict[str, Any] = {"nulls": self.nulls, "min": _json(self.least), "max": _json(self.greatest)}
        if self.total is not None and self.squares is not None and self.values:
            mean = self.total / self.values
            found |= {"mean": mean, "std": max(self.squares / self.values - mean * mean, 0.0) ** 0.5}
        return found


def statistics(table: pa.Table) -> dict[str, ColumnStatistics]:
    """The statistics of each column that has an order."""
    return {
        name: _of_column(table[name])
        for name in table.column_names
        if not pa.types.is_nested(table.schema.field(name).type)
    }


def merged(parts: Sequence[dict[str, ColumnStatistics]]) -> dict[str, ColumnStatistics]:
    """The statistics of all parts of a table together."""
    return {name: reduce(ColumnStatistics.merged, (part[name] for part in parts)) for name in parts[0]}


def _of_column(column: pa.ChunkedArray) -> ColumnStatistics:
    values = len(column) - column.null_count
    extremes = pc.min_max(column).as_py()
    total = squares = None
    if _is_number(column.type):
        numbers = column.cast(pa.float64(), safe=False)
        total = pc.sum(numbers).as_py() or 0.0
        squares = pc.sum(pc.multiply(numbers, numbers)).as_py() or 0.0
    return ColumnStatistics(values, column.null_count, extremes["min"], extremes["max"], total, squares)


def _is_number(type: pa.DataType) -> bool:
    return any(
        is_of(type)
        for is_of in (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, pa.types.is_boolean)
    )


def _of_present(choose: Any, *values: Any) -> Any:
    present = [value for value in values if value is not None]
    return choose(present) if present else None


def _json(value: object) -> object:
    return value if value is None or isinstance(value, bool | int | float) else str(value)
