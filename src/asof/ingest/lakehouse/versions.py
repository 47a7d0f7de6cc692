"""Reading a table that has versions of its own, from one of them to another, in batches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from asof.features.source import Source
from asof.ingest.batch import Batch, Cursor
from asof.ingest.records.arrow import batch_of
from asof.ingest.records.columns import pieces

ROWS = 1 << 16
"""How many rows of a file are decoded at a time."""


@dataclass(frozen=True)
class Stand:
    """Where reading stands: all of version `done` (None: nothing) was read, and of what `reading` added the
    first rows, as many as `taken`. `rows` were read in all.
    """

    done: int | None = None
    reading: int | None = None
    taken: int = 0
    rows: int = 0

    @classmethod
    def of(cls, cursor: Mapping[str, Any] | None) -> Stand:
        """What a cursor says."""
        return cls(**cursor) if cursor else cls()

    def cursor(self) -> Cursor:
        """The same as a cursor."""
        return dict(vars(self))


def batches_of_version(
    new: Iterator[pa.RecordBatch],
    stand: Stand,
    to: int,
    source: Source,
    memory: int,
    origin: str,
    columns: pa.Schema,
) -> Iterator[Batch]:
    """The batches of what version `to` added, `new`, from where reading stands to the end of the version.

    Each has about `memory` bytes. Where nothing is left, one without rows, of `columns`, has the cursor.
    """
    held: Batch | None = None
    for left in _after(stand.taken, new):
        for rows in pieces(pa.Table.from_batches([left]), memory):
            if held is not None:
                yield held
            taken, read = stand.taken + rows.num_rows, stand.rows + rows.num_rows
            after = Stand(stand.done, to, taken, read)
            held = batch_of(rows, source, origin, stand.rows, after.cursor())
            stand = after
    if held is None:
        held = batch_of(columns.empty_table(), source, origin, stand.rows, None)
    yield replace(held, cursor=Stand(done=to, rows=stand.rows).cursor())


def _after(taken: int, new: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The rows after the first `taken`."""
    for rows in new:
        if rows.num_rows > taken:
            yield rows.slice(taken)
        taken = max(taken - rows.num_rows, 0)
