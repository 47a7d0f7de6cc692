"""What a table holds, as 128 bits that don't depend on the order of its rows.

Every row becomes two 64-bit hashes; their sums over all rows, the number of rows and the schema
are digested. Sums don't depend on order or on how rows are spread over batches, files and workers,
and still tell one row from the same row twice.
"""

from __future__ import annotations

import hashlib

import numpy as np
import pyarrow as pa

from asof.errors import DataError
from asof.storage.arrow_types import type_name
from asof.storage.hashing import Mask, Words, absorb, nulls, words

_SEEDS = (np.uint64(0x243F6A8885A308D3), np.uint64(0x13198A2E03707344))
_CHUNK = 1 << 16  # rows hashed at a time, to stay in the processor's cache
_WRAP = (1 << 64) - 1


def fingerprint(table: pa.Table) -> str:
    """The content fingerprint of a table: 32 hexadecimal digits.

    Equal for the same rows in any order, chunking, column order and Arrow layout (dictionaries,
    large strings, views); -0.0 counts as 0.0 and every NaN as one. Differs when a value, a null, a
    duplicate, a column's name or its data type does.
    """
    content = Fingerprint(table.schema)
    content.add(table)
    return content.hexdigest()


class Fingerprint:
    """A fingerprint that grows: `add` rows as they come, `merge` what others have counted."""

    def __init__(self, schema: pa.Schema) -> None:
        self._columns = {name: type_name(schema.field(name).type) for name in sorted(schema.names)}
        self._rows = 0
        self._sums = [0, 0]

    def add(self, rows: pa.Table | pa.RecordBatch) -> None:
        """Count rows in; DataError when their columns are not those of the schema."""
        self._check({name: type_name(rows.schema.field(name).type) for name in rows.schema.names})
        ordered = rows.select(list(self._columns))
        table = ordered if isinstance(ordered, pa.Table) else pa.Table.from_batches([ordered])
        for batch in table.to_batches(max_chunksize=_CHUNK):
            self._count(batch.num_rows, _sums(batch))

    def merge(self, other: Fingerprint) -> None:
        """Count in all the rows that `other` has counted."""
        self._check(other._columns)
        self._count(other._rows, other._sums)

    def hexdigest(self) -> str:
        """The fingerprint of the rows so far: 32 hexadecimal digits."""
        counted = repr((sorted(self._columns.items()), self._rows, self._sums))
        return hashlib.blake2b(counted.encode(), digest_size=16).hexdigest()

    def _count(self, rows: int, sums: list[int]) -> None:
        self._rows += rows
        self._sums = [(one + more) & _WRAP for one, more in zip(self._sums, sums, strict=True)]

    def _check(self, columns: dict[str, str]) -> None:
        if columns != self._columns:
            raise DataError(f"fingerprint of {self._columns} can't take rows of {columns}")


def _sums(batch: pa.RecordBatch) -> list[int]:
    columns = [(words(column), nulls(column)) for column in batch.columns]
    return [_lane(batch.num_rows, columns, seed) for seed in _SEEDS]


def _lane(rows: int, columns: list[tuple[list[Words], Mask | None]], seed: np.uint64) -> int:
    state: Words = np.full(rows, seed, np.uint64)
    for column, null in columns:
        state = absorb(state, column, null)
    return int(state.sum(dtype=np.uint64))
