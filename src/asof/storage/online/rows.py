"""Rows as packed bytes: small, typed, quick to read, and nothing in them is ever executed.

    layout version   1 byte
    event time       8 bytes, nanoseconds since 1970-01-01 UTC
    nulls            one bit per column, lowest first
    fixed part       every column in order, little endian, no padding; of a text or bytes column
                     here stands where it ends in the variable part
    variable part    texts (UTF-8) and bytes, one after the other

Which columns there are is not in the row: it is kept once, beside the rows.
"""

from __future__ import annotations

import datetime
import decimal
import re
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from asof.errors import DataError, DefinitionError, choices
from asof.storage.arrow_types import arrow_type
from asof.storage.online.store import EVENT_TIME, OnlineRow

LAYOUT = 1

_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_EPOCH_DAY = datetime.date(1970, 1, 1).toordinal()
_DAYS = (1 - _EPOCH_DAY, datetime.date.max.toordinal() - _EPOCH_DAY)
_DAY_IN_MICROSECONDS = 86_400_000_000
_MICROSECONDS = (_DAYS[0] * _DAY_IN_MICROSECONDS, (_DAYS[1] + 1) * _DAY_IN_MICROSECONDS - 1)
_EVENT_TIME_AT = struct.Struct("<xq")
_DECIMAL = re.compile(r"decimal\((\d+),(-?\d+)\)")
_EXACT = decimal.Context(prec=76)

Values = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True, slots=True)
class _Fixed:
    """A dtype of fixed width: its struct code, how a column is packed and a value unpacked."""

    code: str
    pack: Callable[[pa.Array], Values]
    unpack: Callable[[Any], Any] | None = None


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
        self._fixed = {at: _fixed(name) for at, name in enumerate(columns.values())}
        codes = [fixed.code for fixed in self._fixed.values()]
        null_bytes = len(codes) // 8 + 1
        self._no_nulls = bytes(null_bytes)
        self._struct = struct.Struct(f"<Bq{null_bytes}s{''.join(codes)}")
        self._packed = _packed_dtype(null_bytes, codes)
        self._unpackers = [(at, f.unpack) for at, f in self._fixed.items() if f.unpack]
        self._variable = [
            (at, name == "string") for at, name in enumerate(columns.values()) if name in ("string", "bytes")
        ]

    def encode(self, rows: pa.Table) -> list[bytes]:
        """One packed row for each row of a table with `_event_time` and the columns.

        Raises DataError for a time outside of what Python's dates hold (years 1 to 9999).
        """
        if rows.num_rows == 0:
            return []
        columns = [_whole(rows[name]) for name in self._columns]
        texts = [_as_bytes(columns[at]) for at, _ in self._variable]
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
            bits[:, at] = column.is_null().to_numpy(zero_copy_only=False)
        return np.packbits(bits, axis=1, bitorder="little")

    def decode(self, row: bytes) -> OnlineRow:
        """The row that was packed. Raises DataError for another layout version."""
        layout, time, nulls, *values = self._struct.unpack_from(row)
        if layout != LAYOUT:
            raise DataError(f"a row has layout {layout}, this Asof reads {LAYOUT}: publish again")
        for at, unpack in self._unpackers:
            values[at] = unpack(values[at])
        start = base = self._struct.size
        for at, is_text in self._variable:
            end = base + values[at]
            values[at] = row[start:end].decode() if is_text else row[start:end]
            start = end
        if nulls != self._no_nulls:
            for at in _bits(nulls):
                values[at] = None
        return OnlineRow(time, tuple(values))


def arrow_column(values: Sequence[Any], dtype: str) -> pa.Array:
    """Values as `OnlineRow` has them, as an Arrow column of that dtype."""
    if dtype == "timestamp_ns":
        return pa.array(np.array(values, "datetime64[ns]")).cast(arrow_type(dtype))
    return pa.array(values, arrow_type(dtype))


def joined(parts: Sequence[pa.Array]) -> list[bytes]:
    """The large_binary columns put together row by row."""
    whole = pc.binary_join_element_wise(*parts, pa.scalar(b"", pa.large_binary()))
    _, offsets, data = whole.buffers()
    ends = np.frombuffer(offsets, np.int64, len(whole) + 1).tolist()
    blob = data.to_pybytes() if data is not None else b""
    return [blob[start:end] for start, end in pairwise(ends)]


def fixed_width(values: Values) -> pa.Array:
    """The bytes of every array element as large_binary."""
    ends = np.arange(len(values) + 1, dtype=np.int64) * values.dtype.itemsize
    buffers = [None, pa.py_buffer(ends), pa.py_buffer(np.ascontiguousarray(values).tobytes())]
    return pa.Array.from_buffers(pa.large_binary(), len(values), buffers)


def nanoseconds(times: pa.ChunkedArray | pa.Array) -> Values:
    """Timestamps as int64 nanoseconds since 1970-01-01 UTC.

    Raises DataError outside of the years 1678 to 2261.
    """
    try:
        return _numbers(_whole(times).cast(pa.timestamp("ns", "UTC")).cast(pa.int64()))
    except pa.ArrowInvalid as error:
        raise DataError(f"{EVENT_TIME} outside of the years 1678 to 2261: {error}") from None


def _whole(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def _as_bytes(column: pa.Array) -> pa.Array:
    return column.cast(pa.large_binary()).fill_null(b"")


def _ends(texts: Sequence[pa.Array]) -> Iterator[Values]:
    end: Any = 0
    for text in texts:
        end = end + pc.binary_length(text).to_numpy()
        yield end


def _packed_dtype(null_bytes: int, codes: Sequence[str]) -> np.dtype[Any]:
    header = [("layout", "u1"), ("time", "<i8"), ("nulls", "u1", (null_bytes,))]
    values = [(f"v{at}", "V16" if code == "16s" else f"<{code}") for at, code in enumerate(codes)]
    return np.dtype([*header, *values])


def _pack(name: str, kind: _Fixed, column: pa.Array) -> Values:
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


def _numbers(column: pa.Array) -> Values:
    values: Values = column.fill_null(_zero(column.type)).to_numpy(zero_copy_only=False)
    return values


def _zero(kind: pa.DataType) -> pa.Scalar:
    return pa.scalar(0).cast(kind)


def _days(column: pa.Array) -> Values:
    return _within(_numbers(column.cast(pa.int32())), *_DAYS)


def _microseconds(column: pa.Array) -> Values:
    return _within(_numbers(column.cast(pa.int64())), *_MICROSECONDS)


def _within(values: Values, low: int, high: int) -> Values:
    if len(values) and (values.min() < low or values.max() > high):
        raise OverflowError
    return values


def _words(column: pa.Array) -> Values:
    """128-bit decimals as rows of two int64, the lower half first."""
    words = np.frombuffer(column.buffers()[1], np.int64).reshape(-1, 2)
    return words[column.offset : column.offset + len(column)]


def _date(days: int) -> datetime.date:
    return datetime.date.fromordinal(days + _EPOCH_DAY)


def _datetime(microseconds: int) -> datetime.datetime:
    return _EPOCH + datetime.timedelta(microseconds=microseconds)


def _datetime64(nanoseconds: int) -> np.datetime64:
    return np.datetime64(nanoseconds, "ns")


def _narrow_decimal(scale: int) -> _Fixed:
    def unpack(unscaled: int) -> decimal.Decimal:
        return decimal.Decimal(unscaled).scaleb(-scale, _EXACT)

    return _Fixed("q", lambda column: _words(column)[:, 0], unpack)


def _wide_decimal(scale: int) -> _Fixed:
    def unpack(unscaled: bytes) -> decimal.Decimal:
        number = decimal.Decimal(int.from_bytes(unscaled, "little", signed=True))
        return number.scaleb(-scale, _EXACT)

    return _Fixed("16s", lambda column: _words(column).view("V16")[:, 0], unpack)


_FIXED = {
    "int8": _Fixed("b", _numbers),
    "int16": _Fixed("h", _numbers),
    "int32": _Fixed("i", _numbers),
    "int64": _Fixed("q", _numbers),
    "float32": _Fixed("f", _numbers),
    "float64": _Fixed("d", _numbers),
    "bool": _Fixed("?", _numbers),
    "date": _Fixed("i", _days, _date),
    "timestamp": _Fixed("q", _microseconds, _datetime),
    "timestamp_ns": _Fixed("q", lambda column: _numbers(column.cast(pa.int64())), _datetime64),
    "string": _Fixed("I", _numbers),
    "bytes": _Fixed("I", _numbers),
}


def _fixed(name: str) -> _Fixed:
    if number := _DECIMAL.fullmatch(name.replace(" ", "")):
        precision, scale = map(int, number.groups())
        return _narrow_decimal(scale) if precision <= 18 else _wide_decimal(scale)
    if name not in _FIXED:
        raise DefinitionError(f"no stored row holds the type {name!r}: {choices(name, _FIXED)}")
    return _FIXED[name]
