"""A 64-bit hash of each value of a column, equal for equal values."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from asof.storage.compiled import compiled
from asof.storage.hashing import absorb, words

Hashes = npt.NDArray[np.uint64]


def hashes(column: pa.ChunkedArray) -> Hashes:
    """The hashes of a column without nulls."""
    found = [_of_chunk(chunk) for chunk in column.chunks]
    return np.concatenate(found) if found else np.empty(0, np.uint64)


def _of_chunk(chunk: pa.Array) -> Hashes:
    if pa.types.is_string(chunk.type) or pa.types.is_binary(chunk.type):
        return _of_texts(*_offsets_and_bytes(chunk))
    values = words(chunk)
    if len(values) == 1:
        return _mixed(np.ascontiguousarray(values[0]))
    return absorb(np.zeros(len(chunk), np.uint64), values, None)


def _offsets_and_bytes(chunk: pa.Array) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.uint8]]:
    if not len(chunk):
        return np.zeros(1, np.int32), np.empty(0, np.uint8)
    _, offsets, text = chunk.buffers()
    of_rows = np.frombuffer(offsets, np.int32)[chunk.offset : chunk.offset + len(chunk) + 1]
    return of_rows, np.frombuffer(text or b"", np.uint8)


@compiled
def _mixed(values: Hashes) -> Hashes:
    found = np.empty(len(values), np.uint64)
    for i in range(len(values)):
        z = values[i] + np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        found[i] = z ^ (z >> np.uint64(31))
    return found


@compiled
def _of_texts(offsets: npt.NDArray[np.int32], text: npt.NDArray[np.uint8]) -> Hashes:
    found = np.empty(len(offsets) - 1, np.uint64)
    for i in range(len(found)):
        start, end = offsets[i], offsets[i + 1]
        z = np.uint64(end - start)
        while start < end:
            word = np.uint64(0)
            for j in range(min(8, end - start)):
                word |= np.uint64(text[start + j]) << np.uint64(8 * j)
            z = ((z ^ word) + np.uint64(0x9E3779B97F4A7C15)) * np.uint64(0xBF58476D1CE4E5B9)
            z ^= z >> np.uint64(29)
            start += 8
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        found[i] = z ^ (z >> np.uint64(31))
    return found
