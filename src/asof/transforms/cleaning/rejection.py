"""Rows that cleaning sets aside, as they go to quarantine; and retractions, which it never does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from asof.features.source import Source
from asof.storage.quarantine import JSON_ROW, REJECTED, json_rows


@dataclass(frozen=True)
class Refusal:
    """The row with a sequence number, why it is set aside, and the column at fault."""

    sequence: int
    reason: str
    column: str


def rejected(refusals: Sequence[Refusal], ingested: pa.Table) -> pa.Table:
    """Refusals as a table: the columns of `REJECTED`, raw from the ingested row, and `_sequence`."""
    sequences = pa.array([each.sequence for each in refusals], pa.int64())
    rows = ingested.take(pc.index_in(sequences, ingested["_sequence"].combine_chunks()))
    columns = {
        "raw": json_rows(rows.drop_columns(["_sequence"])),
        "reason": [each.reason for each in refusals],
        "column": [each.column for each in refusals],
        "origin": [None] * len(refusals),
        "line": [None] * len(refusals),
        "layout": [JSON_ROW] * len(refusals),
        "_sequence": sequences,
    }
    return pa.table(columns, schema=REJECTED.append(pa.field("_sequence", pa.int64())))


def retracted(rows: pa.Table, source: Source) -> pa.ChunkedArray:
    """Whether each row takes a fact back."""
    if source.retracted is None or source.retracted not in rows.column_names:
        return pa.chunked_array([pa.repeat(False, rows.num_rows)])
    return pc.fill_null(rows[source.retracted], False)
