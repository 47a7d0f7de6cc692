"""Arrow IPC, as files (also called Feather) or streams, batch by batch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pyarrow as pa

from asof.errors import DataError
from asof.features.source import Source
from asof.ingest.files.opened import Opened
from asof.ingest.files.pieces import Piece, Position
from asof.ingest.files.row_pieces import columns_to_read, digest_of, row_pieces

_MAGIC = b"ARROW1"  # what a file begins with, and a stream does not


def pieces(opened: Opened, source: Source, size: int, start: Position) -> Iterator[Piece]:
    """The rows of a file. DataError for one that is broken or lacks a declared column."""
    with opened.seekable() as file:
        digest = digest_of(file)
        start.check(digest)
        try:
            is_file = file.read(len(_MAGIC)) == _MAGIC
            file.seek(0)
            with pa.ipc.open_file(file) if is_file else pa.ipc.open_stream(file) as reader:
                names = reader.schema.names
                batches = map(reader.get_batch, range(reader.num_record_batches)) if is_file else reader
                tables = _tables(batches, columns_to_read(names, source))
                yield from row_pieces(tables, names, source, size, start, digest)
        except (pa.ArrowInvalid, OSError) as error:
            raise DataError(f"is not whole Arrow IPC: {error}") from error


def _tables(batches: Iterable[pa.RecordBatch], columns: list[str]) -> Iterator[pa.Table]:
    for batch in batches:
        yield pa.Table.from_batches([batch]).select(columns)
