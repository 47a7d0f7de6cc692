"""Entity keys as bytes that sort as the keys do.

Integers, dates and timestamps are eight bytes, highest first, with the sign turned; the width of an
integer column doesn't matter. Texts and bytes have every zero byte marked and an end, so that a
composite key sorts by its first part, then by its second.
"""

from __future__ import annotations

import datetime
import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from asof.errors import DataError, DefinitionError, choices
from asof.storage.arrow_types import arrow_type
from asof.storage.instants import EPOCH, MICROSECOND
from asof.storage.online.packed_values import fixed_width
from asof.storage.online.rows import joined

_SIGN = 1 << 63
_ZERO, _MARKED_ZERO, _END = b"\0", b"\0\xff", b"\0\x01"
_ARROW_END, _NOTHING = (pa.scalar(value, pa.large_binary()) for value in (_END, b""))
_EPOCH_DAY = EPOCH.toordinal()


class KeyCodec:
    """Encodes the keys of one view, given as dtype names by key column.

    Raises DefinitionError when there is no key column or one has a type that isn't a key's.
    """

    def __init__(self, columns: Mapping[str, str]) -> None:
        if not columns:
            raise DefinitionError("an online view needs a key column")
        for name, dtype in columns.items():
            if dtype not in _PARTS:
                raise DefinitionError(f"{name} is {dtype}, no key: {choices(dtype, _PARTS)}")
        self._columns = dict(columns)
        self._parts = [_PARTS[dtype] for dtype in columns.values()]

    def encode(self, keys: Sequence[tuple[Any, ...]], prefix: bytes = b"") -> list[bytes | None]:
        """Bytes of keys behind a prefix; None for one of which a part is null, which matches nothing.

        Raises DataError for a key of another length or type.
        """
        if self._parts == [_integer]:
            try:
                return [prefix + _integer(value) for (value,) in keys]
            except (TypeError, ValueError, OverflowError):
                pass  # one of them is null or wrong
        return [self._encoded(key, prefix) for key in keys]

    def _encoded(self, key: tuple[Any, ...], prefix: bytes) -> bytes | None:
        if len(key) != len(self._parts):
            raise DataError(f"a key of {len(key)} parts, expected ({', '.join(self._columns)})")
        try:
            return prefix + b"".join([part(value) for part, value in zip(self._parts, key, strict=True)])
        except (TypeError, ValueError, OverflowError, AttributeError):
            if None in key:
                return None
            raise DataError(f"key {key!r}, expected ({self._expected()})") from None

    def encode_columns(self, rows: pa.Table, prefix: bytes = b"") -> list[bytes]:
        """Bytes of every row's key, none of which may be null, behind a prefix."""
        if rows.num_rows == 0:
            return []
        before = [pa.scalar(prefix, pa.large_binary())] if prefix else []
        return joined([*before, *(_column(rows[name].combine_chunks()) for name in self._columns)])

    def decode_columns(self, keys: list[bytes]) -> dict[str, pa.Array]:
        """The key columns of these keys."""
        parts = list(zip(*(self._split(key) for key in keys), strict=True)) or [() for _ in self._columns]
        return {
            name: _restored(values, dtype)
            for (name, dtype), values in zip(self._columns.items(), parts, strict=True)
        }

    def _split(self, key: bytes) -> Iterator[int | bytes]:
        at = 0
        for dtype in self._columns.values():
            if dtype in ("string", "bytes"):
                end = key.index(_END, at)
                yield key[at:end].replace(_MARKED_ZERO, _ZERO)
                at = end + len(_END)
            else:
                yield int.from_bytes(key[at : at + 8], "big") - _SIGN
                at += 8

    def _expected(self) -> str:
        return ", ".join(f"{name}: {dtype}" for name, dtype in self._columns.items())


def _column(column: pa.Array) -> pa.Array:
    kind = column.type
    if pa.types.is_integer(kind) or pa.types.is_temporal(kind) or pa.types.is_boolean(kind):
        whole = column.cast(pa.int32()) if pa.types.is_date32(kind) else column
        signed = whole.cast(pa.int64()).to_numpy()
        return fixed_width((signed.view(np.uint64) ^ np.uint64(_SIGN)).astype(">u8"))
    marked = pc.replace_substring(column.cast(pa.large_binary()), _ZERO, _MARKED_ZERO)
    return pc.binary_join_element_wise(marked, _ARROW_END, _NOTHING)


def _restored(values: tuple[int | bytes, ...], dtype: str) -> pa.Array:
    if dtype in ("string", "bytes"):
        return pa.array(values, pa.binary()).cast(arrow_type(dtype))
    width = pa.int32() if dtype == "date" else pa.int64()
    return pa.array(values, width).cast(arrow_type(dtype))


def _integer(value: Any) -> bytes:
    return (operator.index(value) + _SIGN).to_bytes(8, "big")


def _bool(value: Any) -> bytes:
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError
    return _integer(int(value))


def _date(value: Any) -> bytes:
    if isinstance(value, datetime.datetime):
        raise TypeError
    return _integer(value.toordinal() - _EPOCH_DAY)


def _timestamp(value: datetime.datetime) -> bytes:
    return _integer((value - EPOCH) // MICROSECOND)


def _timestamp_ns(value: Any) -> bytes:
    if isinstance(value, np.datetime64):
        return _integer(int(value.astype("datetime64[ns]").astype(np.int64)))
    return _integer((value - EPOCH) // MICROSECOND * 1000)


def _bytes(value: bytes) -> bytes:
    return value.replace(_ZERO, _MARKED_ZERO) + _END


def _string(value: str) -> bytes:
    return _bytes(value.encode())


_PARTS: dict[str, Callable[[Any], bytes]] = {
    "int8": _integer,
    "int16": _integer,
    "int32": _integer,
    "int64": _integer,
    "bool": _bool,
    "date": _date,
    "timestamp": _timestamp,
    "timestamp_ns": _timestamp_ns,
    "string": _string,
    "bytes": _bytes,
}
