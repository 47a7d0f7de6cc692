"""Reading a table that has versions of its own, from one of them to another, in batches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import pyarrow as pa

from asof.features.source import Source
from asof.ingest.batch import Batch, Cursor
from asof.ingest.records.arrow import batch_of

ROWS = 1 << 16
"""How many rows of a file make a batch."""


@dataclass(frozen=True)
class Stand:
    """Where reading stands: all of version `done` (None: nothing) was read, and of what `reading` added the
    first `batches`. `rows` were read in all.
    """

    done: int | None = None
    reading: int | None = None
    batches: int = 0
    rows: int = 0

    @classmethod
    def of(cls, cursor: Mapping[str, Any] | None) -> Stand:
        """What a cursor says."""
        return cls(**cursor) if cursor else cls()

    def cursor(self) -> Cursor:
        """The same as a cursor."""
        return dict(vars(self))


def batches_of_version(
    new: Iterator[pa.RecordBatch], stand: Stand, to: int, source: Source, origin: str, columns: pa.Schema
) -> Iterator[Batch]:
    """The batches of what version `to` added, `new`, from where reading stands to the end of the version.

    Where nothing is left, one batch without rows, of `columns`, has the cursor.
    """
    held: Batch | None = None
    for number, rows in enumerate(islice(new, stand.batches, None), stand.batches + 1):
        if held is not None:
            yield held
        after = Stand(stand.done, to, number, stand.rows + rows.num_rows)
        held = batch_of(pa.Table.from_batches([rows]), source, origin, stand.rows, after.cursor())
        stand = after
    if held is None:
        held = batch_of(columns.empty_table(), source, origin, stand.rows, None)
    yield replace(held, cursor=Stand(done=to, rows=stand.rows).cursor())
