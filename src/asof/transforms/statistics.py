"""Statistics of columns, kept with every version of a table and every training set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from decimal import Decimal
from functools import reduce
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from asof.storage.arrow_types import arrow_type, type_name
from asof.storage.compiled import compiled
from asof.transforms.sketches.buckets import Buckets, buckets
from asof.transforms.sketches.distinct import Distinct, distinct
from asof.transforms.sketches.frequent import Frequent, frequent
from asof.transforms.sketches.hashes import hashes
from asof.transforms.sketches.places import Floats, is_number, is_time

Statistics = dict[str, "ColumnStatistics"]

LONGEST = 100
"""Characters or bytes of a value that are kept."""
MOST_COLUMNS = 200
"""Columns whose sketches are written down with a version of a table; of further ones only the figures are."""
QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)


@dataclass(frozen=True)
class ColumnStatistics:
    """What is known of the values of a column; those of parts of a table can be merged.

    `type` is the name of the column's type. NaN counts as null. `least` and `greatest` are None where
    there is no value; a time is given by its place (units since 1970), a long text is cut. `total` is
    the sum of numbers and `deviation` that of their squared distances from the mean, None of anything
    else (a bool counts as 0 or 1). The sketches are None where they were not kept.
    """

    type: str
    values: int
    nulls: int
    least: Any
    greatest: Any
    total: int | float | None
    deviation: float | None
    distinct: Distinct | None
    buckets: Buckets | None
    frequent: Frequent | None

    @property
    def mean(self) -> float | None:
        return None if self.total is None or not self.values else self.total / self.values

    @property
    def std(self) -> float | None:
        """The standard deviation of a sample; None of fewer than two values."""
        if self.deviation is None or self.values < 2:
            return None
        return float((self.deviation / (self.values - 1)) ** 0.5)

    @property
    def different(self) -> int | None:
        """How many different values there are: exactly where they are few, else about."""
        if self.frequent is not None and self.frequent.complete:
            return len(self.frequent.counts)
        return None if self.distinct is None else min(self.distinct.estimate(), self.values)

    def value(self, kept: Any) -> Any:
        """A least, greatest or frequent value as Python has it: times as such."""
        arrow = arrow_type(self.type)
        return pa.scalar(kept, _place_type(arrow)).cast(arrow).as_py() if is_time(arrow) else kept

    def merged(self, other: ColumnStatistics) -> ColumnStatistics:
        """The statistics of both together."""
        return ColumnStatistics(
            self.type,
            self.values + other.values,
            self.nulls + other.nulls,
            _of_present(min, self.least, other.least),
            _of_present(max, self.greatest, other.greatest),
            None if self.total is None or other.total is None else self.total + other.total,
            _deviation(self, other),
            _sketches(self, other, "distinct"),
            _sketches(self, other, "buckets"),
            _sketches(self, other, "frequent"),
        )

    def described(self) -> dict[str, Any]:
        """As JSON data for people: times and decimals as text, quantiles and distinct values about."""
        found: dict[str, Any] = {
            "nulls": self.nulls,
            "min": None if self.least is None else _json(self.value(self.least)),
            "max": None if self.greatest is None else _json(self.value(self.greatest)),
        }
        if self.total is not None and self.values:
            found |= {"mean": _json(self.mean), "std": _json(self.std)}
        if self.different is not None:
            found["distinct"] = self.different
        if self.buckets is not None and self.buckets.numbers:
            found["quantiles"] = dict(
                zip(map(str, QUANTILES), self.buckets.quantiles(QUANTILES), strict=True)
            )
        return found


def statistics(table: pa.Table) -> Statistics:
    """The statistics of each column that has an order."""
    names = [name for name in table.column_names if not pa.types.is_nested(table.schema.field(name).type)]
    with ThreadPoolExecutor(pa.cpu_count()) as pool:
        return dict(zip(names, pool.map(lambda name: _of_column(table[name]), names), strict=True))


def merged(parts: Sequence[Statistics]) -> Statistics:
    """The statistics of all parts of a table together, in their order."""
    return {name: reduce(ColumnStatistics.merged, (part[name] for part in parts)) for name in parts[0]}


def to_json(given: Statistics) -> dict[str, Any]:
    """Statistics as JSON data, a few kB a column."""
    return {
        name: _column_to_json(column, sketches=place < MOST_COLUMNS)
        for place, (name, column) in enumerate(given.items())
    }


def from_json(given: Mapping[str, Any]) -> Statistics:
    """What `to_json` gave."""
    return {name: _column_from_json(column) for name, column in given.items()}


def _of_column(column: pa.ChunkedArray) -> ColumnStatistics:
    rows, name = len(column), type_name(column.type)
    column = _without_missing(column.cast(arrow_type(name)))
    of_column = hashes(column)
    total, deviation, sketch = _figures(column)
    common = None if is_time(column.type) else _cut(frequent(column, of_column))
    least, greatest = _extremes(column, common)
    return ColumnStatistics(
        name,
        len(column),
        rows - len(column),
        least,
        greatest,
        total,
        deviation,
        distinct(of_column),
        sketch,
        common,
    )


def _without_missing(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_floating(column.type):
        present = pc.fill_null(pc.invert(pc.is_nan(column)), False)
        return column if pc.all(present).as_py() is not False else column.filter(present)
    return column.drop_null() if column.null_count else column


def _figures(column: pa.ChunkedArray) -> tuple[int | float | None, float | None, Buckets | None]:
    """Sum, squared deviations and buckets, as far as the column has them."""
    if is_time(column.type):
        places = column.cast(_place_type(column.type)).cast(pa.int64())
        return None, None, buckets(places.to_numpy())
    if not is_number(column.type):
        return None, None, None
    whole = pa.types.is_boolean(column.type)
    numbers = (column.cast(pa.int8()) if whole else column).cast(pa.float64(), safe=False).to_numpy()
    with np.errstate(invalid="ignore", over="ignore"):
        total = _total(column, numbers)
        deviation = _squared_distances(numbers, total / len(numbers) if len(numbers) else 0.0)
    return total, deviation, buckets(numbers)


@compiled
def _squared_distances(numbers: Floats, mean: float) -> float:
    """The sum of the squared distances of numbers from their mean."""
    total = 0.0
    for number in numbers:
        total += (number - mean) * (number - mean)
    return total


def _total(column: pa.ChunkedArray, numbers: Floats) -> int | float:
    """The sum: exact of whole numbers."""
    if pa.types.is_boolean(column.type):
        return int(np.sum(numbers))
    if not pa.types.is_integer(column.type):
        return float(np.sum(numbers))
    integers = column.cast(pa.int64()).to_numpy()
    if len(integers) * max(np.max(numbers, initial=0.0), -np.min(numbers, initial=0.0)) < 2**62:
        return int(integers.sum())
    return (int((integers >> 32).sum()) << 32) + int((integers & 0xFFFF_FFFF).sum())


def _extremes(column: pa.ChunkedArray, common: Frequent | None) -> tuple[Any, Any]:
    if common is not None and common.complete and common.counts:
        values = [value for value, _ in common.counts]
        return min(values), max(values)
    found = pc.min_max(column.cast(_place_type(column.type)) if is_time(column.type) else column).as_py()
    return _short(found["min"]), _short(found["max"])


def _place_type(arrow: pa.DataType) -> pa.DataType:
    return pa.int32() if pa.types.is_date(arrow) else pa.int64()


def _short(value: Any) -> Any:
    return value[:LONGEST] if isinstance(value, str | bytes) else value


def _cut(found: Frequent) -> Frequent:
    """Without long texts."""
    kept = tuple(each for each in found.counts if _short(each[0]) == each[0])
    return Frequent(found.complete and len(kept) == len(found.counts), kept)


def _deviation(one: ColumnStatistics, other: ColumnStatistics) -> float | None:
    """Of both together: Chan, Golub, LeVeque 1979."""
    if one.deviation is None or other.deviation is None:
        return None
    if one.mean is None or other.mean is None:
        return one.deviation + other.deviation
    apart = other.mean - one.mean
    weight = one.values * other.values / (one.values + other.values)
    return one.deviation + other.deviation + apart * apart * weight


def _sketches(one: ColumnStatistics, other: ColumnStatistics, name: str) -> Any:
    """The sketch of both together; where one has no values, that of the other."""
    mine, theirs = getattr(one, name), getattr(other, name)
    if not one.values or not other.values:
        return theirs if not one.values else mine
    return None if mine is None or theirs is None else mine.merged(theirs)


def _of_present(choose: Any, *values: Any) -> Any:
    present = [value for value in values if value is not None]
    return choose(present) if present else None


def _json(value: object) -> object:
    if value is None or isinstance(value, bool | int):
        return value
    return value if isinstance(value, float) and np.isfinite(value) else str(value)


def _column_to_json(column: ColumnStatistics, *, sketches: bool) -> dict[str, Any]:
    found: dict[str, Any] = {
        "type": column.type,
        "values": column.values,
        "nulls": column.nulls,
        "min": _kept(column.least),
        "max": _kept(column.greatest),
        "total": _json(column.total),
        "deviation": _json(column.deviation),
    }
    if sketches:
        found["distinct"] = column.distinct and column.distinct.to_json()
        found["buckets"] = column.buckets and column.buckets.to_json()
        if column.frequent is not None:
            counts = [[_kept(value), count] for value, count in column.frequent.counts]
            found["frequent"] = {"complete": column.frequent.complete, "counts": counts}
    return found


def _column_from_json(given: Mapping[str, Any]) -> ColumnStatistics:
    kind = given["type"]
    total, deviation = (
        float(given[n]) if isinstance(given[n], str) else given[n] for n in ("total", "deviation")
    )
    found, distinct_, buckets_ = (given.get(name) for name in ("frequent", "distinct", "buckets"))
    return ColumnStatistics(
        kind,
        given["values"],
        given["nulls"],
        _read(given["min"], kind),
        _read(given["max"], kind),
        total,
        deviation,
        distinct_ and Distinct.from_json(distinct_),
        buckets_ and Buckets.from_json(buckets_),
        found
        and Frequent(
            found["complete"], tuple((_read(value, kind), count) for value, count in found["counts"])
        ),
    )


def _kept(value: Any) -> object:
    return value.hex() if isinstance(value, bytes) else _json(value)


def _read(kept: Any, kind: str) -> Any:
    if kept is None:
        return None
    if kind == "bytes":
        return bytes.fromhex(kept)
    if kind.startswith("decimal"):
        return Decimal(kept)
    return float(kept) if kind.startswith("float") else kept
