"""Instants as int64 counts of one unit, so that kernels compare and shift them as numbers."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from asof.errors import DataError

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

NS_PER = {"us": 1_000, "ns": 1}
"""Nanoseconds in one count of each unit."""
EARLIEST, LATEST = np.iinfo(np.int64).min, np.iinfo(np.int64).max


def finest_unit(types: Iterable[pa.DataType]) -> str:
    """Nanoseconds ("ns") where one of the types is a timestamp in them, else microseconds ("us")."""
    return "ns" if any(pa.types.is_timestamp(type) and type.unit == "ns" for type in types) else "us"


def counts(table: pa.Table, name: str, unit: str) -> Ints:
    """The instants in column `name` as counts of `unit` since 1970-01-01 UTC.

    Raises DataError where one is absent or does not fit, or the column is no timestamp with a zone.
    """
    instants = _converted(table, name, unit)
    if instants.null_count:
        raise DataError(
            f"column {name!r} has no time in {instants.null_count} of {len(instants)} rows; "
            "fill them in or leave the rows out"
        )
    return _as_numbers(instants)


def counts_or_latest(table: pa.Table, name: str, unit: str) -> Ints:
    """As `counts`, where an absent instant is one that never comes."""
    return _as_numbers(_converted(table, name, unit).cast(pa.int64()).fill_null(LATEST))


def read_only(array: Ints) -> Ints:
    """The same array, as one that nobody writes to.

    That is what Arrow's memory comes as, and compiled loops are compiled anew for arrays that differ
    in this.
    """
    shared = array.view()
    shared.flags.writeable = False
    return shared


def shifted_back(instants: Ints, length: int) -> Ints:
    """The instants `length` counts earlier (later where it is negative), held within int64."""
    length = max(-LATEST, min(length, LATEST))
    if length >= 0:
        return np.maximum(instants, EARLIEST + length) - length
    return np.minimum(instants, LATEST + length) - length


def _converted(table: pa.Table, name: str, unit: str) -> pa.ChunkedArray:
    column = table[name]
    if not (pa.types.is_timestamp(column.type) and column.type.tz is not None):
        raise DataError(
            f"column {name!r} is {column.type}, not a timestamp with a time zone; "
            f"say which zone it is in, as in pyarrow.compute.assume_timezone(table[{name!r}], 'UTC')"
        )
    try:
        return column.cast(pa.timestamp(unit, "UTC"))
    except pa.ArrowInvalid as error:
        raise DataError(
            f"column {name!r} has a time that does not fit a timestamp in {unit}, in which other times here "
            "are; nanoseconds reach from 1678 to 2261, give all times in microseconds"
        ) from error


def _as_numbers(instants: pa.ChunkedArray) -> Ints:
    numbers = instants.cast(pa.int64())
    if numbers.num_chunks == 1:
        return np.asarray(numbers.chunk(0).to_numpy(), np.int64)
    return np.asarray(numbers.to_numpy(), np.int64)
