"""Drawing lots by hash: what a row draws depends on its own values, not on its place, part or engine."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from asof.storage.hashing import Words, absorb, mix, nulls, words

_CHUNK = 1 << 16  # rows hashed at a time, to stay in the processor's cache


def draws(rows: pa.Table | pa.RecordBatch, columns: Sequence[str], purpose: str, seed: int = 0) -> Words:
    """64 evenly spread bits for each row, equal for equal values in `columns`.

    Those for another `purpose` or `seed` have nothing to do with them.
    """
    start = _start(purpose, seed)
    found = [_of_batch(batch, start) for batch in _batches(rows.select(list(columns)))]
    return np.concatenate(found) if found else np.empty(0, np.uint64)


def shares(
    rows: pa.Table | pa.RecordBatch, columns: Sequence[str], purpose: str, seed: int
) -> npt.NDArray[np.float64]:
    """As `draws`, as numbers from 0 to below 1."""
    return (draws(rows, columns, purpose, seed) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def _start(purpose: str, seed: int) -> np.uint64:
    digest = hashlib.blake2b(f"{purpose} {seed}".encode(), digest_size=8).digest()
    return np.uint64(int.from_bytes(digest, "little"))


def _batches(rows: pa.Table | pa.RecordBatch) -> list[pa.RecordBatch]:
    return rows.to_batches(max_chunksize=_CHUNK) if isinstance(rows, pa.Table) else [rows]


def _of_batch(batch: pa.RecordBatch, start: np.uint64) -> Words:
    state: Words = np.full(batch.num_rows, start, np.uint64)
    for column in batch.columns:
        state = absorb(state, words(column), nulls(column))
    return mix(state)
