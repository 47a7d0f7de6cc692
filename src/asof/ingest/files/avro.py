"""Avro object container files, block by block. What Arrow has no type for is kept as JSON text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

import pyarrow as pa

from asof.errors import DataError, MissingExtra
from asof.features.source import Source
from asof.ingest.files.opened import Opened
from asof.ingest.files.pieces import Piece, Position
from asof.ingest.files.row_pieces import columns_to_read, digest_of, row_pieces
from asof.ingest.values.python import column


def pieces(opened: Opened, source: Source, size: int, start: Position) -> Iterator[Piece]:
    """The rows of a file. DataError for one that is broken or lacks a declared column."""
    with opened.seekable() as file:
        digest = digest_of(file)
        start.check(digest)
        blocks = _blocks(file)
        names = _names(blocks.writer_schema)
        columns = columns_to_read(names, source)
        first, block = _skipped(blocks, start.offset)
        yield from row_pieces(_tables(block, blocks, columns), names, source, size, start, digest, first)


def _blocks(file: BinaryIO) -> Any:
    try:
        import fastavro
    except ImportError as error:
        raise MissingExtra("reading Avro", "avro") from error
    try:
        return fastavro.block_reader(file)
    except (ValueError, EOFError, KeyError) as error:
        raise _broken(error) from error


def _names(schema: Any) -> list[str]:
    fields = schema.get("fields") if isinstance(schema, dict) else None
    if fields is None:
        raise DataError("holds no records, which have named fields")
    return [field["name"] for field in fields]


def _skipped(blocks: Iterator[Any], rows: int) -> tuple[int, Any]:
    """The first block with a row after `rows` of them, None where there is none; and the rows before it."""
    before = 0
    while (block := _next(blocks)) and before + block.num_records <= rows:
        before += block.num_records
    return before, block


def _tables(block: Any, blocks: Iterator[Any], columns: list[str]) -> Iterator[pa.Table]:
    while block:
        try:
            records = list(block)
        except (ValueError, EOFError, IndexError) as error:
            raise _broken(error) from error
        yield pa.table({name: column([record[name] for record in records]) for name in columns})
        block = _next(blocks)


def _next(blocks: Iterator[Any]) -> Any:
    try:
        return next(blocks, None)
    except (ValueError, EOFError, KeyError) as error:
        raise _broken(error) from error


def _broken(error: Exception) -> DataError:
    return DataError(f"is not a whole Avro file: {error}")
