"""Rows that come as Arrow: a rejected one's raw content is its JSON text, its line the number of the row."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pyarrow as pa

from asof.errors import DataError, choices
from asof.features.source import Source
from asof.ingest.batch import Batch, Cursor, rejected_table
from asof.ingest.records.parsed import Parsed, Records, parsed
from asof.ingest.schema.contract import ignored, kept
from asof.storage.quarantine import JSON_ROW, json_rows


def typed(values: pa.Table, source: Source, before: int = 0) -> Parsed:
    """The rows in the source's schema; `before` rows came before them at their origin.

    DataError where a declared column is missing.
    """
    for column in source.schema:
        if column not in values.column_names:
            raise DataError(f"has no column {column!r}; {choices(column, values.column_names)}")

    def locate(row: int) -> tuple[int, str]:
        return before + row + 1, json_rows(values.slice(row, 1))[0]

    columns = kept(values.column_names, source)
    found = parsed(Records(values.select(columns), locate, layout=JSON_ROW), source)
    return replace(found, ignored=ignored(values.column_names, source))


def batches_of(
    values: pa.Table, source: Source, memory: int, origin: str, before: int, end: Cursor | None
) -> Iterator[Batch]:
    """The rows in batches of about `memory` bytes, the last with the cursor `end`; at least one batch.

    `before` rows came before them at their origin. DataError names the source and the origin.
    """
    size = max(1, memory * max(values.num_rows, 1) // max(values.nbytes, 1))
    for start in range(0, max(values.num_rows, 1), size):
        piece = values.slice(start, size)
        last = start + size >= values.num_rows
        yield batch_of(piece, source, origin, before + start, end if last else None)


def batch_of(values: pa.Table, source: Source, origin: str, before: int, cursor: Cursor | None) -> Batch:
    """The rows as one batch; otherwise as `batches_of`."""
    try:
        found = typed(values, source, before)
    except DataError as error:
        raise DataError(f"source {source.name!r}: {origin}: {error}") from error
    rejected = rejected_table(found.rejections, origin)
    return Batch(found.rows, rejected, cursor, origin, values.num_rows, found.ignored)
