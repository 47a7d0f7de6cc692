"""Values as packed bytes, a column at a time; how each data type lies in a stored row.

Numbers, times and dates have a fixed width. Texts are UTF-8. Of a list its elements lie one after the
other; where these vary in width, how many there are and how long each is comes first. Of a map how
long its keys are comes first, then these and its values, each as a list.
"""

from __future__ import annotations

import datetime
import decimal
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from asof.errors import DataError, DefinitionError, choices
from asof.storage.instants import EPOCH

_EPOCH_DAY = EPOCH.toordinal()
_DAYS = (1 - _EPOCH_DAY, datetime.date.max.toordinal() - _EPOCH_DAY)
_DAY_IN_MICROSECONDS = 86_400_000_000
_MICROSECONDS = (_DAYS[0] * _DAY_IN_MICROSECONDS, (_DAYS[1] + 1) * _DAY_IN_MICROSECONDS - 1)
_DECIMAL = re.compile(r"decimal\((\d+),(-?\d+)\)")
_EXACT = decimal.Context(prec=76)

Values = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True, slots=True)
class Fixed:
    """A dtype of fixed width: its struct code, how a column is packed and a value unpacked."""

    code: str
    pack: Callable[[pa.Array], Values]
    unpack: Callable[[Any], Any] | None = None


@dataclass(frozen=True, slots=True)
class Variable:
    """A dtype of variable width: how a column is packed, as large_binary, and a value unpacked."""

    pack: Callable[[pa.Array], pa.Array]
    unpack: Callable[[bytes], Any]


def fixed_width(values: Values) -> pa.Array:
    """The bytes of every array element as large_binary."""
    ends = np.arange(len(values) + 1, dtype=np.int64) * values.dtype.itemsize
    buffers = [None, pa.py_buffer(ends), pa.py_buffer(np.ascontiguousarray(values).tobytes())]
    return pa.Array.from_buffers(pa.large_binary(), len(values), buffers)


def _as_bytes(column: pa.Array) -> pa.Array:
    return column.cast(pa.large_binary()).fill_null(b"")


def numbers(column: pa.Array) -> Values:
    """The values of a column of numbers, 0 for a null."""
    values: Values = column.fill_null(_zero(column.type)).to_numpy(zero_copy_only=False)
    return values


def _zero(kind: pa.DataType) -> pa.Scalar:
    return pa.scalar(0).cast(kind)


def _days(column: pa.Array) -> Values:
    return _within(numbers(column.cast(pa.int32())), *_DAYS)


def _microseconds(column: pa.Array) -> Values:
    return _within(numbers(column.cast(pa.int64())), *_MICROSECONDS)


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
    return EPOCH + datetime.timedelta(microseconds=microseconds)


def _datetime64(nanoseconds: int) -> np.datetime64:
    return np.datetime64(nanoseconds, "ns")


def _narrow_decimal(scale: int) -> Fixed:
    def unpack(unscaled: int) -> decimal.Decimal:
        return decimal.Decimal(unscaled).scaleb(-scale, _EXACT)

    return Fixed("q", lambda column: _words(column)[:, 0], unpack)


def _wide_decimal(scale: int) -> Fixed:
    def unpack(unscaled: bytes) -> decimal.Decimal:
        number = decimal.Decimal(int.from_bytes(unscaled, "little", signed=True))
        return number.scaleb(-scale, _EXACT)

    return Fixed("16s", lambda column: _words(column).view("V16")[:, 0], unpack)


_FIXED = {
    "int8": Fixed("b", numbers),
    "int16": Fixed("h", numbers),
    "int32": Fixed("i", numbers),
    "int64": Fixed("q", numbers),
    "float32": Fixed("f", numbers),
    "float64": Fixed("d", numbers),
    "bool": Fixed("?", numbers),
    "date": Fixed("i", _days, _date),
    "timestamp": Fixed("q", _microseconds, _datetime),
    "timestamp_ns": Fixed("q", lambda column: numbers(column.cast(pa.int64())), _datetime64),
    "string": Fixed("I", numbers),
    "bytes": Fixed("I", numbers),
}


def is_variable(name: str) -> bool:
    """Whether values of a data type vary in width."""
    return name in _VARIABLE or name.startswith(("list(", "map("))


def variable(name: str) -> Variable:
    """How a data type lies in the variable part of a row."""
    if name in _VARIABLE:
        return _VARIABLE[name]
    if name.startswith("map("):
        key, _, value = name.removeprefix("map(").removesuffix(")").partition(",")
        return _map(_list(key), _list(value))
    return _list(name.removeprefix("list(").removesuffix(")"))


def _list(element: str) -> Variable:
    if element in _VARIABLE:
        return _list_of_variable(_VARIABLE[element])
    return _list_of_fixed(fixed(element))


_VARIABLE = {"string": Variable(_as_bytes, bytes.decode), "bytes": Variable(_as_bytes, bytes)}


def _list_of_fixed(kind: Fixed) -> Variable:
    """Elements one after the other."""
    width = struct.calcsize(f"<{kind.code}")

    def pack(column: pa.Array) -> pa.Array:
        ends, elements = _flattened(column)
        packed = np.ascontiguousarray(kind.pack(elements)).view(np.uint8)
        return _pieces(ends * width, packed)

    def unpack(packed: bytes) -> list[Any]:
        values = [value for (value,) in struct.iter_unpack(f"<{kind.code}", packed)]
        return [kind.unpack(value) for value in values] if kind.unpack else values

    return Variable(pack, unpack)


def _list_of_variable(kind: Variable) -> Variable:
    """How many elements, how long each is, then the elements one after the other."""

    def pack(column: pa.Array) -> pa.Array:
        ends, elements = _flattened(column)
        packed = kind.pack(elements)
        lengths = pc.binary_length(packed).to_numpy().astype("<u4")
        bounds = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
        _, _, text = packed.buffers()
        counts = fixed_width(np.diff(ends).astype("<u4"))
        sizes = _pieces(ends * 4, lengths)
        return pc.binary_join_element_wise(
            counts, sizes, _pieces(bounds[ends], text), pa.scalar(b"", pa.large_binary())
        )

    def unpack(packed: bytes) -> list[Any]:
        count = int.from_bytes(packed[:4], "little")
        lengths = struct.unpack_from(f"<{count}I", packed, 4)
        ends = accumulate(lengths, initial=4 * (count + 1))
        return [kind.unpack(packed[start:end]) for start, end in pairwise(ends)]

    return Variable(pack, unpack)


def _map(keys: Variable, values: Variable) -> Variable:
    """How many bytes the keys are, the keys, the values."""

    def pack(column: pa.Array) -> pa.Array:
        entries = column.fill_null([])
        of_keys = keys.pack(pa.ListArray.from_arrays(entries.offsets, entries.keys))
        of_values = values.pack(pa.ListArray.from_arrays(entries.offsets, entries.items))
        length = fixed_width(pc.binary_length(of_keys).to_numpy().astype("<u4"))
        return pc.binary_join_element_wise(length, of_keys, of_values, pa.scalar(b"", pa.large_binary()))

    def unpack(packed: bytes) -> dict[Any, Any]:
        end = 4 + int.from_bytes(packed[:4], "little")
        return dict(zip(keys.unpack(packed[4:end]), values.unpack(packed[end:]), strict=True))

    return Variable(pack, unpack)


def _flattened(column: pa.ListArray) -> tuple[Values, pa.Array]:
    """Where each list ends among the elements of all, after a 0; a null is an empty list."""
    elements = column.flatten()
    if elements.null_count:
        raise DataError("a list or map to be stored online has nulls in it; leave them out")
    lengths = pc.fill_null(pc.list_value_length(column), 0).to_numpy().astype(np.int64)
    return np.concatenate([[0], np.cumsum(lengths)]), elements


def _pieces(ends: Values, content: Any) -> pa.Array:
    """The bytes of `content` cut at `ends`, which starts with 0, as large_binary."""
    buffers = [None, pa.py_buffer(np.ascontiguousarray(ends, np.int64)), pa.py_buffer(content)]
    return pa.Array.from_buffers(pa.large_binary(), len(ends) - 1, buffers)


def fixed(name: str) -> Fixed:
    """How a data type lies in the fixed part of a row; DefinitionError for one that can't."""
    if name.startswith(("list(", "map(")):
        return _FIXED["bytes"]
    if number := _DECIMAL.fullmatch(name.replace(" ", "")):
        precision, scale = map(int, number.groups())
        return _narrow_decimal(scale) if precision <= 18 else _wide_decimal(scale)
    if name not in _FIXED:
        raise DefinitionError(f"no stored row holds the type {name!r}: {choices(name, _FIXED)}")
    return _FIXED[name]
