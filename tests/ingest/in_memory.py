"""Files in memory, and all that a format finds in one."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

import pyarrow as pa

from asof.features.source import Source
from asof.ingest.files.opened import Opened, Stream
from asof.ingest.files.pieces import Piece, Pieces, Position
from asof.ingest.records.parsed import Parsed

PLENTY = 1 << 20


class InMemory(Opened):
    """The bytes of a file."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    @contextmanager
    def stream(self) -> Iterator[Stream]:
        yield Stream(io.BytesIO(self.data), None)

    @contextmanager
    def seekable(self) -> Iterator[BinaryIO]:
        yield io.BytesIO(self.data)


def pieces(
    format: Pieces, data: bytes, source: Source, size: int = PLENTY, start: Position | None = None
) -> list[Piece]:
    return list(format(InMemory(data), source, size, start or Position()))


def read(format: Pieces, data: bytes, source: Source, size: int = PLENTY) -> Parsed:
    """All of a file, piece by piece."""
    return together([piece.parse() for piece in pieces(format, data, source, size)])


def together(parts: list[Parsed]) -> Parsed:
    rows = pa.concat_tables(part.rows for part in parts)
    return Parsed(rows, [rejection for part in parts for rejection in part.rejections])
