"""Rows as packed bytes: small, typed, quick to read, and nothing in them is ever executed.

    layout version   1 byte
    event time       8 bytes, nanoseconds since 1970-01-01 UTC
    nulls            one bit per column, lowest first
    fixed part       every column in order, little endian, no padding; of a text, bytes, list or map
                     column here stands where it ends in the variable part
    variable part    texts (UTF-8), bytes, lists and maps (`packed_values`), one after the other

Which columns there are is not in the row: it is kept once, beside the rows.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from asof.errors import DataError
from asof.storage.arrow_types import arrow_type
from asof.storage.online.packed_values import (
    Fixed,
    Values,
    fixed,
    fixed_width,
    is_variable,
    numbers,
    variable,
)
from asof.storage.online.store import EVENT_TIME, OnlineRow

LAYOUT = 1

_EVENT_TIME_AT = struct.Struct("<xq")


def event_time_of(row: bytes) -> int:
    """Event time of a packed row, in nanoseconds since 1970-01-01 UTC."""
    time: int = _EVENT_TIME_AT.unpack_from(row)[0]
    return time


class RowCodec:
    """Packs and unpacks the rows of one schema, given as dtype names by column.

    Raises DefinitionError for a dtype that it doesn't know.
    """

    def __init__(self, columns: Mapping[str, str]) -> None:
        self._columns = dict(columns)
        self._fixed = {at: fixed(name) for at, name in enumerate(columns.values())}
        codes = [fixed.code for fixed in self._fixed.values()]
        null_bytes = len(codes) // 8 + 1
        self._no_nulls = bytes(null_bytes)
        self._struct = struct.Struct(f"<Bq{null_bytes}s{''.join(codes)}")
        self._packed = _packed_dtype(null_bytes, codes)
        self._unpackers = [(at, f.unpack) for at, f in self._fixed.items() if f.unpack]
        self._variable = [
            (at, variable(name)) for at, name in enumerate(columns.values()) if is_variable(name)
        ]

    def encode(self, rows: pa.Table) -> list[bytes]:
        """One packed row for each row of a table with `_event_time` and the columns.

        Raises DataError for a time outside of what Python's dates hold (years 1 to 9999).
        """
        if rows.num_rows == 0:
            return []
        columns = [_whole(rows[name]) for name in self._columns]
        texts = [kind.pack(columns[at]) for at, kind in self._variable]
        fixed = self._encode_fixed(nanoseconds(rows[EVENT_TIME]), columns)
        for (at, _), ends in zip(self._variable, _ends(texts), strict=True):
            fixed[f"v{at}"] = ends
        return joined([fixed_width(fixed), *texts])

    def _encode_fixed(self, times: Values, columns: Sequence[pa.Array]) -> Values:
        fixed = np.zeros(len(times), self._packed)
        fixed["layout"], fixed["time"], fixed["nulls"] = LAYOUT, times, self._nulls(columns)
        variable = {at for at, _ in self._variable}
        for (at, kind), (name, _) in zip(self._fixed.items(), self._columns.items(), strict=True):
            if at not in variable:
                fixed[f"v{at}"] = _pack(name, kind, columns[at])
        return fixed

    def _nulls(self, columns: Sequence[pa.Array]) -> Values:
        height = len(columns[0]) if columns else 1
        bits = np.zeros((height, 8 * len(self._no_nulls)), np.bool_)
        for at, column in enumerate(columns):
            if column.null_count:
                bits[:, at] = column.is_null().to_numpy(zero_copy_only=False)
        return np.packbits(bits, axis=1, bitorder="little")

    def decode(self, rows: Sequence[bytes | None]) -> list[OnlineRow | None]:
        """The rows that were packed, None where none was. DataError for another layout version.

        A lookup of many keys spends most of its time here, so it is one loop.
        """
        unpack, width, decoded = self._struct.unpack_from, self._struct.size, list[OnlineRow | None]()
        for row in rows:
            if row is None:
                decoded.append(None)
                continue
            layout, time, nulls, *values = unpack(row)
            if layout != LAYOUT:
                raise DataError(f"a row has layout {layout}, this Asof reads {LAYOUT}: publish again")
            for at, unpacked in self._unpackers:
                values[at] = unpacked(values[at])
            start = width
            for at, kind in self._variable:
                end = width + values[at]
                values[at] = kind.unpack(row[start:end])
                start = end
            if nulls != self._no_nulls:
                for at in _bits(nulls):
                    values[at] = None
            decoded.append(OnlineRow(time, tuple(values)))
        return decoded


def arrow_column(values: Sequence[Any], dtype: str) -> pa.Array:
    """Values as `OnlineRow` has them, as an Arrow column of that dtype."""
    if dtype.startswith("map("):
        return _map_column(values, *dtype.removeprefix("map(").removesuffix(")").split(",", 1))
    if dtype == "list(timestamp_ns)":
        elements = arrow_column([one for value in values for one in value or ()], "timestamp_ns")
        return pa.ListArray.from_arrays(_places(values), elements, mask=_absent(values))
    if dtype == "timestamp_ns":
        return pa.array(np.array(values, "datetime64[ns]")).cast(arrow_type(dtype))
    return pa.array(values, arrow_type(dtype))


def _map_column(values: Sequence[Any], key: str, item: str) -> pa.Array:
    keys = arrow_column([one for value in values for one in value or ()], key)
    items = arrow_column([one for value in values for one in (value or {}).values()], item)
    return pa.MapArray.from_arrays(_places(values), keys, items, mask=_absent(values))


def _places(values: Sequence[Any]) -> pa.Array:
    """Where each list or map starts among the elements of all, and where the last ends."""
    return pa.array([0, *accumulate(len(value or ()) for value in values)], pa.int32())


def _absent(values: Sequence[Any]) -> pa.Array:
    return pa.array([value is None for value in values])


def joined(parts: Sequence[pa.Array]) -> list[bytes]:
    """The large_binary columns put together row by row."""
    whole = pc.binary_join_element_wise(*parts, pa.scalar(b"", pa.large_binary()))
    return whole.to_numpy(zero_copy_only=False).tolist()


def nanoseconds(times: pa.ChunkedArray | pa.Array) -> Values:
    """Timestamps as int64 nanoseconds since 1970-01-01 UTC.

    Raises DataError outside of the years 1678 to 2261.
    """
    try:
        return numbers(_whole(times).cast(pa.timestamp("ns", "UTC")).cast(pa.int64()))
    except pa.ArrowInvalid as error:
        raise DataError(f"{EVENT_TIME} outside of the years 1678 to 2261: {error}") from None


def _whole(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def _ends(texts: Sequence[pa.Array]) -> Iterator[Values]:
    end: Any = 0
    for text in texts:
        end = end + pc.binary_length(text).to_numpy()
        yield end


def _packed_dtype(null_bytes: int, codes: Sequence[str]) -> np.dtype[Any]:
    header = [("layout", "u1"), ("time", "<i8"), ("nulls", "u1", (null_bytes,))]
    values = [(f"v{at}", "V16" if code == "16s" else f"<{code}") for at, code in enumerate(codes)]
    return np.dtype([*header, *values])


def _pack(name: str, kind: Fixed, column: pa.Array) -> Values:
    try:
        return kind.pack(column)
    except OverflowError:
        raise DataError(f"{name} has a time outside of the years 1 to 9999") from None


def _bits(mask: bytes) -> Iterator[int]:
    left = int.from_bytes(mask, "little")
    while left:
        lowest = left & -left
        yield lowest.bit_length() - 1
        left ^= lowest
