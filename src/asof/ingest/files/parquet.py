"""Parquet files, row group by row group. A rejected row's line is its number in the file."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.parquet as pq

from asof.errors import DataError
from asof.features.source import Source
from asof.ingest.files.opened import Opened
from asof.ingest.files.pieces import Piece, Position
from asof.ingest.files.row_pieces import columns_to_read, digest_of, row_pieces


def pieces(opened: Opened, source: Source, size: int, start: Position) -> Iterator[Piece]:
    """The rows of a file. DataError for one that is broken or lacks a declared column."""
    with opened.seekable() as file:
        digest = digest_of(file)
        start.check(digest)
        try:
            parquet = pq.ParquetFile(file, pre_buffer=False)
            names = parquet.schema_arrow.names
            columns = columns_to_read(names, source)
            group, first = _group_of(parquet.metadata, start.offset)
            tables = _tables(parquet, group, columns, size)
            yield from row_pieces(tables, names, source, size, start, digest, first)
        except (pa.ArrowInvalid, OSError) as error:
            raise DataError(f"is not a whole Parquet file: {error}") from error


def _group_of(metadata: pq.FileMetaData, row: int) -> tuple[int, int]:
    """The row group that a row (from 0) is in, and how many rows come before it."""
    before = 0
    for group in range(metadata.num_row_groups):
        rows = metadata.row_group(group).num_rows
        if row < before + rows:
            return group, before
        before += rows
    return metadata.num_row_groups, before


def _tables(parquet: pq.ParquetFile, group: int, columns: list[str], size: int) -> Iterator[pa.Table]:
    for number in range(group, parquet.num_row_groups):
        of_group = parquet.metadata.row_group(number)
        rows = max(1, size * of_group.num_rows // max(of_group.total_byte_size, 1))
        for batch in parquet.iter_batches(rows, [number], columns):
            yield pa.Table.from_batches([batch]).select(columns)
