"""Laid-out tables, read hash bucket by hash bucket."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from asof.storage.layout import BUCKET, bucket_of
from asof.storage.tables import Snapshot, Table

ROWS_PER_BUCKET = 500_000
_MOST = 1024


def buckets_for(rows: int) -> int:
    """How many buckets a table of so many rows is laid out in: a power of two."""
    wanted = -(-rows // ROWS_PER_BUCKET)
    return min(1 << max(wanted - 1, 0).bit_length(), _MOST)


@dataclass(frozen=True)
class Bucketed:
    """A version of a table that is laid out by `keys` in `buckets`, a power of two."""

    table: Table
    version: int
    keys: tuple[str, ...]
    buckets: int

    def read(self, bucket: int, of: int) -> pa.Table:
        """The rows of one bucket of `of`, a power of two that may differ from the table's own."""
        if of >= self.buckets:
            rows = self._read([bucket % self.buckets])
            if of == self.buckets:
                return rows
            return rows.filter(pa.array(bucket_of(rows, self.keys, of) == bucket))
        return self._read(list(range(bucket, self.buckets, of)))

    def read_all(self) -> pa.Table:
        """All rows."""
        return self._snapshot.read(self._columns)

    def empty(self) -> pa.Table:
        """No rows, with the columns."""
        return self._snapshot.schema.empty_table().select(self._columns)

    def _read(self, buckets: list[int]) -> pa.Table:
        where = pc.field(BUCKET) == buckets[0] if len(buckets) == 1 else pc.field(BUCKET).isin(buckets)
        return self._snapshot.read(self._columns, where)

    @property
    def _columns(self) -> list[str]:
        return [name for name in self._snapshot.schema.names if name != BUCKET]

    @cached_property
    def _snapshot(self) -> Snapshot:
        return self.table.snapshot(self.version)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_snapshot"}
