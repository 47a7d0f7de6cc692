"""Stable 64-bit hashes of Arrow values, the same on every platform, process and engine.

A column is first turned into *words*: arrays of uint64, one element per row, that are equal for
equal values whatever the layout. Words are then absorbed into a running state per row with the
finaliser of splitmix64 (Steele, Lea, Flood 2014). Changing anything here changes where rows of
existing tables belong and what their fingerprints are; tests hold known values.
"""

from __future__ import annotations

import hashlib
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from asof.storage.arrow_types import canonical

Words = npt.NDArray[np.uint64]
Mask = npt.NDArray[np.bool_]
Lengths = npt.NDArray[np.int64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_NULL = np.uint64(0xD1B54A32D192ED03)
_SECOND = np.uint64(0x8CB92BA72F3D8DD7)
_LONG = 1024  # bytes; longer values are hashed one by one


def mix(state: Words) -> Words:
    """One step of splitmix64 on every element: a bijection of 64 bits."""
    z = state + _GOLDEN
    z ^= z >> np.uint64(30)
    z *= np.uint64(0xBF58476D1CE4E5B9)
    z ^= z >> np.uint64(27)
    z *= np.uint64(0x94D049BB133111EB)
    z ^= z >> np.uint64(31)
    return z


def absorb(state: Words, column: list[Words], null: Mask | None) -> Words:
    """The state of every row after one more column, nulls told from every value."""
    absorbed = state
    for word in column:
        absorbed = mix(absorbed ^ word)
    return absorbed if null is None else np.where(null, mix(state + _NULL), absorbed)


def nulls(column: pa.Array) -> Mask | None:
    """Which rows are null, or None where none is."""
    if column.null_count == 0:
        return None
    mask: Mask = column.is_null().to_numpy(zero_copy_only=False)
    return mask


def words(column: pa.Array) -> list[Words]:
    """The words of a column; what stands in null rows means nothing."""
    if pa.types.is_dictionary(column.type):
        return _words_of_dictionary(column)
    kind = canonical(column.type)
    if column.type != kind:
        column = column.cast(kind)
    if pa.types.is_string(kind) or pa.types.is_binary(kind):
        return _words_of_bytes(column.cast(pa.large_binary()))
    if pa.types.is_decimal(kind):
        return _words_of_decimals(column)
    if pa.types.is_floating(kind):
        return [_words_of_floats(column)]
    if pa.types.is_list(kind):
        return _words_of_lists(column, column.values)
    if pa.types.is_map(kind):
        return _words_of_lists(column, column.keys, column.items)
    return [_integers(column).view(np.uint64)]


def _words_of_dictionary(column: pa.DictionaryArray) -> list[Words]:
    if len(column.dictionary) == 0:
        return words(pa.nulls(len(column), column.dictionary.type))
    codes = pc.fill_null(column.indices, 0).to_numpy(zero_copy_only=False)
    return [word[codes] for word in words(column.dictionary)]


def _integers(column: pa.Array) -> npt.NDArray[np.int64]:
    kind = column.type
    if pa.types.is_timestamp(kind):
        return _nanoseconds(column)
    if pa.types.is_date(kind):
        column = column.view(pa.int32())
    elif pa.types.is_boolean(kind):
        column = column.cast(pa.int8())
    return _numbers(column).astype(np.int64, copy=False)


def _nanoseconds(column: pa.Array) -> npt.NDArray[np.int64]:
    # Wraps for years past 2262: still the same for the same instant of one unit.
    factor = 1 if column.type.unit == "ns" else 1000
    instants: npt.NDArray[np.int64] = _numbers(column.view(pa.int64()))
    return instants * np.int64(factor)


def _numbers(column: pa.Array) -> npt.NDArray[Any]:
    filled = column if column.null_count == 0 else pc.fill_null(column, pa.scalar(0, column.type))
    numbers: npt.NDArray[Any] = filled.to_numpy(zero_copy_only=False)
    return numbers


def _words_of_floats(column: pa.Array) -> Words:
    floats = _numbers(column).astype(np.float64) + 0.0  # -0.0 becomes 0.0
    floats[np.isnan(floats)] = np.nan
    return floats.view(np.uint64)


def _words_of_decimals(column: pa.Array) -> list[Words]:
    halves = np.frombuffer(column.buffers()[1] or b"", dtype="<u8").reshape(-1, 2)
    rows = halves[column.offset : column.offset + len(column)]
    return [np.ascontiguousarray(rows[:, half], dtype=np.uint64) for half in (0, 1)]


def _words_of_lists(column: pa.ListArray | pa.MapArray, *elements: pa.Array) -> list[Words]:
    """Two independent hashes of each list: of its length, then of its elements one by one.

    Elements of several arrays, as keys and values, are taken side by side.
    """
    offsets = column.offsets.to_numpy().astype(np.int64)
    hashed = [(words(of), nulls(of)) for of in elements]
    lengths = np.where(column.is_valid().to_numpy(zero_copy_only=False), np.diff(offsets), 0)
    pair = [mix(lengths.view(np.uint64)), mix(lengths.view(np.uint64) ^ _SECOND)]
    for place in range(lengths.max(initial=0)):
        rows = np.flatnonzero(lengths > place)
        at = offsets[rows] + place
        for one, (of_words, null) in product(pair, hashed):
            absent = None if null is None else null[at]
            one[rows] = absorb(one[rows], [word[at] for word in of_words], absent)
    return pair


def _words_of_bytes(column: pa.Array) -> list[Words]:
    """Two independent hashes of each value, eight bytes of all values at a time."""
    offsets, text = _offsets_and_bytes(column)
    lengths = np.diff(offsets)
    pair = [mix(lengths.view(np.uint64)), mix(lengths.view(np.uint64) ^ _SECOND)]
    short = np.flatnonzero((lengths > 0) & (lengths <= _LONG))
    _hash_short(pair, text, offsets, lengths, short)
    _hash_long(pair, text, offsets, np.flatnonzero(lengths > _LONG))
    return pair


def _offsets_and_bytes(column: pa.Array) -> tuple[Lengths, npt.NDArray[np.uint8]]:
    if len(column) == 0:
        return np.zeros(1, np.int64), np.zeros(8, np.uint8)
    _, offset_buffer, text_buffer = column.buffers()
    offsets = np.frombuffer(offset_buffer, dtype="<i8")
    offsets = offsets[column.offset : column.offset + len(column) + 1]
    text = np.frombuffer(text_buffer or b"", dtype=np.uint8)[offsets[0] : offsets[-1]]
    return offsets - offsets[0], np.concatenate([text, np.zeros(8, np.uint8)])


def _hash_short(
    pair: list[Words],
    text: npt.NDArray[np.uint8],
    offsets: Lengths,
    lengths: Lengths,
    rows: npt.NDArray[np.intp],
) -> None:
    # Unaligned words over the bytes: element i is the eight bytes from i on.
    eights: Words = np.ndarray((len(text) - 7,), dtype="<u8", buffer=text.data, strides=(1,))
    start = 0
    while len(rows):
        left = lengths[rows] - start
        word = eights[offsets[rows] + start]
        word &= _MASKS[np.minimum(left, 8)]
        for one in pair:
            one[rows] = mix(one[rows] ^ word)
        start += 8
        rows = rows[left > 8]


def _hash_long(
    pair: list[Words], text: npt.NDArray[np.uint8], offsets: Lengths, rows: npt.NDArray[np.intp]
) -> None:
    for row in rows:
        value = text[offsets[row] : offsets[row + 1]]
        digest = hashlib.blake2b(value.data, digest_size=16).digest()
        pair[0][row], pair[1][row] = np.frombuffer(digest, dtype="<u8")


_MASKS: Words = np.array([(1 << (8 * kept)) - 1 for kept in range(9)], dtype=np.uint64)
