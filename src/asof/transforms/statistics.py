"""Statistics of a table's columns, kept with every version."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

_ORDERED = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, pa.types.is_temporal)


def statistics(table: pa.Table) -> dict[str, dict[str, Any]]:
    """For each column its nulls; of ordered ones min and max; of numbers mean and std; else distinct values.

    All values are JSON data: times and decimals as text.
    """
    return {name: _of_column(table[name]) for name in table.column_names}


def _of_column(column: pa.ChunkedArray) -> dict[str, Any]:
    found: dict[str, Any] = {"nulls": column.null_count}
    if pa.types.is_boolean(column.type):
        return found | {"true": pc.sum(column).as_py() or 0}
    if not any(is_of(column.type) for is_of in _ORDERED):
        return found | {"distinct": pc.count_distinct(column).as_py()}
    extremes = pc.min_max(column).as_py()
    found |= {side: _json(extremes[side]) for side in ("min", "max")}
    if not pa.types.is_temporal(column.type):
        numbers = column.cast(pa.float64(), safe=False)
        found |= {"mean": pc.mean(numbers).as_py(), "std": pc.stddev(numbers, ddof=0).as_py()}
    return found


def _json(value: object) -> object:
    return value if value is None or isinstance(value, bool | int | float) else str(value)
