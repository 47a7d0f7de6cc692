"""A database's values as plain Arrow ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from asof.features.source import Source
from asof.features.types import DType
from asof.ingest.values.conversion import convert
from asof.ingest.values.target import Target
from asof.storage.arrow_types import arrow_type

_UNITS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_FIRST, _LAST = -62_135_596_800, 253_402_300_799
"""Seconds since 1970 of the years 1 to 9999; a database's infinities lie outside."""


def plain(rows: pa.Table, wanted: Mapping[str, DType]) -> pa.Table:
    """The rows, without types that only databases have: exact numbers as text, infinite times as text."""
    columns = [_plain(rows[name], dtype) for name, dtype in wanted.items()]
    return pa.table(columns, names=list(wanted))


def _plain(column: pa.ChunkedArray, dtype: DType) -> pa.ChunkedArray:
    if isinstance(column.type, pa.OpaqueType):
        return _numeric(_stored(column), dtype)
    if isinstance(column.type, pa.BaseExtensionType):
        return _stored(column)
    if pt.is_timestamp(column.type) or pt.is_date(column.type):
        return _finite(column)
    return column


def _stored(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return pa.chunked_array([chunk.storage for chunk in column.chunks], column.type.storage_type)


def _numeric(numbers: pa.ChunkedArray, dtype: DType) -> pa.ChunkedArray:
    """Exact numbers as text, null for NaN, whole ones without a point where a column wants such."""
    numbers = pc.if_else(pc.equal(numbers, "nan"), pa.scalar(None, pa.string()), numbers)
    return pc.replace_substring_regex(numbers, r"\.0+$", "") if dtype.is_integer else numbers


def _finite(times: pa.ChunkedArray) -> pa.ChunkedArray:
    """The times, as texts where one of them is no time that a calendar has."""
    unit = _UNITS[times.type.unit] if pt.is_timestamp(times.type) else 1 / 86_400
    numbers = pc.cast(times.cast(pa.int64() if pt.is_timestamp(times.type) else pa.int32()), pa.int64())
    ends = pc.min_max(numbers).as_py()
    if ends["min"] is None or (ends["min"] >= _FIRST * unit and ends["max"] < (_LAST + 1) * unit):
        return times
    before, after = pc.less(numbers, int(_FIRST * unit)), pc.greater_equal(numbers, int((_LAST + 1) * unit))
    outside = pc.or_(before, after)
    texts = pc.if_else(outside, pa.scalar(None, times.type), times).cast(pa.string())
    return pc.if_else(before, "-infinity", pc.if_else(after, "infinity", texts))


def told(values: pa.Table, columns: Sequence[str], source: Source) -> pa.Table:
    """Some columns in the types of the source's schema, null where a value can't be taken."""
    converted = {}
    for name in columns:
        target = Target(arrow_type(source.schema[name].name), source.timezone, source.reader.nulls)
        converted[name] = convert(values[name], target)[0]
    return pa.table(converted)


def no_rows(source: Source) -> pa.Table:
    """A table without rows, in the source's schema."""
    columns = list(source.schema)
    return told(pa.table({name: pa.nulls(0) for name in columns}), columns, source)


def pieces(rows: pa.Table, memory: int) -> Iterator[pa.Table]:
    """The rows in tables of about `memory` bytes."""
    size = max(1, memory * rows.num_rows // max(rows.nbytes, 1))
    for start in range(0, rows.num_rows, size):
        yield rows.slice(start, size)


def finite(column: pa.ChunkedArray, type: pa.DataType) -> pa.ChunkedArray:
    """The column with its times as such, where `plain` gave them as texts for the sake of others."""
    return column.cast(type) if pt.is_temporal(type) and pt.is_string(column.type) else column
