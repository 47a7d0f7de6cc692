"""A database's values as plain Arrow ones."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from asof.features.types import Bool, DType

_UNITS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_FIRST, _LAST = -62_135_596_800, 253_402_300_799
"""Seconds since 1970 of the years 1 to 9999; a database's infinities lie outside."""


def plain(rows: pa.Table, wanted: Mapping[str, DType]) -> pa.Table:
    """The rows without types that only databases have: exact numbers, infinite times and 0 or 1 as text."""
    columns = [_plain(rows[name], dtype) for name, dtype in wanted.items()]
    return pa.table(columns, names=list(wanted))


def _plain(column: pa.ChunkedArray, dtype: DType) -> pa.ChunkedArray:
    if isinstance(column.type, pa.OpaqueType):
        return _numeric(_stored(column), dtype)
    if isinstance(column.type, pa.BaseExtensionType):
        return _stored(column)
    if pt.is_timestamp(column.type) or pt.is_date(column.type):
        return _finite(column)
    return column.cast(pa.string()) if dtype == Bool and pt.is_integer(column.type) else column


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


def finite(column: pa.ChunkedArray, type: pa.DataType) -> pa.ChunkedArray:
    """The column with its times as such, where `plain` gave them as texts for the sake of others."""
    return column.cast(type) if pt.is_temporal(type) and pt.is_string(column.type) else column
