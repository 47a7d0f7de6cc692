"""Pieces of files that hold rows and not text; a position in one is a number of rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from typing import BinaryIO

import pyarrow as pa

from asof.errors import DataError, choices
from asof.features.source import Source
from asof.ingest.files.digest import Digest
from asof.ingest.files.pieces import Piece, Position
from asof.ingest.records.arrow import typed
from asof.ingest.records.parsed import Parsed
from asof.ingest.schema.contract import ignored, kept

_STRETCH = 8 << 20  # bytes


def digest_of(file: BinaryIO) -> str:
    """The digest of all bytes of a file, which is then at its start again."""
    digest = Digest()
    while stretch := file.read(_STRETCH):
        digest.update(stretch)
    file.seek(0)
    return digest.hexdigest()


def columns_to_read(names: list[str], source: Source) -> list[str]:
    """Those of a file's columns that are wanted; DataError where a declared one is missing."""
    for column in source.schema:
        if column not in names:
            raise DataError(f"has no column {column!r}; {choices(column, names)}")
    return kept(names, source)


def row_pieces(
    tables: Iterable[pa.Table],
    names: list[str],
    source: Source,
    size: int,
    start: Position,
    digest: str,
    first: int = 0,
) -> Iterator[Piece]:
    """The rows after `start`, in pieces of about `size` bytes; `first` rows come before the tables.

    `names` are those of all columns of the file.
    """
    left_out = ignored(names, source)
    for table in tables:
        rows = table.slice(max(start.offset - first, 0))
        first += table.num_rows - rows.num_rows
        for part in _parts(rows, size):
            end = first + part.num_rows
            yield Piece(partial(_parsed, part, source, first, left_out), Position(end, end, digest))
            first = end


def _parsed(rows: pa.Table, source: Source, before: int, left_out: frozenset[str]) -> Parsed:
    return replace(typed(rows, source, before), ignored=left_out)


def _parts(rows: pa.Table, size: int) -> Iterator[pa.Table]:
    step = max(1, size * rows.num_rows // max(rows.nbytes, 1))
    return (rows.slice(at, step) for at in range(0, rows.num_rows, step))
