"""A 64-bit hash of each value of a column, equal for equal values."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from asof.storage.byte_words import SIZE, Bytes, Word, word_at
from asof.storage.compiled import compiled, inlined
from asof.storage.hashing import words

Hashes = npt.NDArray[np.uint64]


def hashes(column: pa.ChunkedArray) -> Hashes:
    """The hashes of a column without nulls."""
    found, start = np.zeros(len(column), np.uint64), 0
    for chunk in column.chunks:
        _of_chunk(chunk, found[start : start + len(chunk)])
        start += len(chunk)
    return found


def _of_chunk(chunk: pa.Array, found: Hashes) -> None:
    if pa.types.is_string(chunk.type) or pa.types.is_binary(chunk.type):
        _of_texts(*_offsets_and_bytes(chunk), found)
        return
    for word in words(chunk):
        _absorb(found, word)


def _offsets_and_bytes(chunk: pa.Array) -> tuple[npt.NDArray[np.int32], Bytes]:
    if not len(chunk):
        return np.zeros(1, np.int32), np.empty(0, np.uint8)
    _, offsets, text = chunk.buffers()
    of_rows = np.frombuffer(offsets, np.int32)[chunk.offset : chunk.offset + len(chunk) + 1]
    return of_rows, np.frombuffer(text or b"", np.uint8)


@compiled
def _absorb(found: Hashes, words: Hashes) -> None:
    for i in range(len(found)):
        z = (found[i] ^ words[i]) + np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        found[i] = z ^ (z >> np.uint64(31))


@compiled
def _of_texts(offsets: npt.NDArray[np.int32], text: Bytes, found: Hashes) -> None:
    for i in range(len(found)):
        start, end = offsets[i], offsets[i + 1]
        z = np.uint64(end - start)
        while start < end:
            z = (z ^ _word(text, start, end)) + np.uint64(0x9E3779B97F4A7C15)
            z *= np.uint64(0xBF58476D1CE4E5B9)
            z ^= z >> np.uint64(29)
            start += SIZE
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        found[i] = z ^ (z >> np.uint64(31))


@inlined
def _word(text: Bytes, start: int, end: int) -> Word:
    """Up to eight bytes that stand before `end`, and then zeros."""
    size = min(SIZE, end - start)
    if start + SIZE <= len(text):
        return word_at(text, start) & (np.uint64(0xFFFF_FFFF_FFFF_FFFF) >> np.uint64(8 * (SIZE - size)))
    word = np.uint64(0)
    for j in range(size):
        word |= np.uint64(text[start + j]) << np.uint64(8 * j)
    return word
