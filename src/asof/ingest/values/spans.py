"""Values that stand in a text as columns: straight in the declared type where they are in plain notation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.types as pt

from asof.ingest.values import plain
from asof.ingest.values.plain import MISSING, OTHER, Bytes, Ints, Places, States
from asof.ingest.values.plain_times import LOCAL, instants
from asof.ingest.values.target import Target
from asof.ingest.values.text import in_utc

_FRACTIONS = {"s": 0, "ms": 3, "us": 6, "ns": 9}


@dataclass(frozen=True)
class Spans:
    """From where to where in `text` the value of each row stands; it has none where a start is negative."""

    text: Bytes
    starts: Places
    ends: Places

    def only(self, rows: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Spans:
        """Those of the rows that are true."""
        return Spans(self.text, self.starts[rows], self.ends[rows])


@dataclass(frozen=True)
class Typed:
    """Values in a declared type, and of which rows (from 0) the value is not plain; it is null here."""

    values: pa.Array
    others: Ints


def bytes_of(text: bytes, after: bytes = b"") -> Bytes:
    """A copy of a text, and of what is to stand after it, that loops may read and write."""
    return np.frombuffer(bytearray().join((text, after)), np.uint8)


def written(spans: Spans, type: pa.DataType, nulls: tuple[str, ...]) -> pa.Array:
    """The values as they stand there, as text or bytes; null where there is none or one that means null."""
    offsets = _room(np.int32, len(spans.starts) + 1)
    states = plain.lengths(spans.text, spans.starts, spans.ends, *_joined(nulls), offsets)
    values = _room(np.uint8, int(offsets[-1]))
    plain.texts(spans.text, spans.starts, offsets, values)
    return _array(type, states, offsets, values)


def typed(spans: Spans, target: Target) -> Typed | None:
    """The values in the type of the target; None where values of this type are always read from text."""
    wanted, rows = target.type, len(spans.starts)
    given = spans.text, spans.starts, spans.ends, *_joined(target.nulls)
    if pt.is_integer(wanted):
        bounds = np.iinfo(wanted.to_pandas_dtype())
        integers = _room(bounds.dtype, rows)
        return _typed(
            wanted, plain.whole_numbers(*given, integers, int(bounds.min), int(bounds.max)), integers
        )
    if pt.is_float64(wanted):
        numbers = _room(np.float64, rows)
        return _typed(wanted, plain.floats(*given, numbers), numbers)
    if pt.is_decimal128(wanted) and 0 <= wanted.scale <= plain.DIGITS:
        units = _room(np.int64, 2 * rows)
        return _typed(wanted, plain.decimals(*given, units, wanted.precision, wanted.scale), units)
    if pt.is_timestamp(wanted):
        counts = _room(np.int64, rows)
        return _instants(instants(*given, counts, _FRACTIONS[wanted.unit]), counts, target)
    return None


def _instants(states: States, counts: Ints, target: Target) -> Typed | None:
    local = states == LOCAL
    if not local.any() or target.timezone == "UTC":
        return _typed(target.type, states, counts)
    if (states == plain.PLAIN).any():
        return None
    found = _typed(pa.timestamp(target.type.unit), states, counts)
    try:
        return Typed(in_utc(found.values, target.timezone), found.others)
    except pa.ArrowInvalid:
        return None


def _typed(type: pa.DataType, states: States, values: np.ndarray) -> Typed:
    return Typed(_array(type, states, values), np.flatnonzero(states == OTHER))


def _array(type: pa.DataType, states: States, *values: np.ndarray) -> pa.Array:
    there = (states != MISSING) & (states != OTHER)
    validity = None if there.all() else pa.py_buffer(np.packbits(there, bitorder="little"))
    return pa.Array.from_buffers(type, len(states), [validity, *map(pa.py_buffer, values)])


def _room(type: npt.DTypeLike, size: int) -> np.ndarray:
    """Room for values in Arrow's memory: what outlives its thread in NumPy's keeps all from going back."""
    return np.frombuffer(pa.allocate_buffer(size * np.dtype(type).itemsize), type)


def _joined(nulls: tuple[str, ...]) -> tuple[Bytes, Ints]:
    encoded = [null.encode() for null in nulls]
    return bytes_of(b"".join(encoded)), np.cumsum([len(null) for null in encoded], dtype=np.int64)
