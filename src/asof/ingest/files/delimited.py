"""CSV and its like: a header, then records whose fields a delimiter separates, quoted as RFC 4180 says.

A block of records is read in one go, a column straight to its declared type where all values are plain
ones, else as text; record by record where quotes are not as they should be.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property, partial

import msgspec
import numpy as np
import pyarrow as pa

from asof.errors import DataError, choices
from asof.features.source import Source
from asof.ingest.batch import Rejection
from asof.ingest.files.delimited_records import Record, raw, records, shown
from asof.ingest.files.delimited_spans import Fields, fields_of
from asof.ingest.files.opened import Opened
from asof.ingest.files.pieces import Piece, Position
from asof.ingest.files.quoting import cut_records, record_lines
from asof.ingest.files.text_blocks import BOM, Block, TextReader, blocks, is_utf8
from asof.ingest.records.parsed import Parsed, Records, parsed
from asof.ingest.schema.contract import ignored, kept
from asof.ingest.values.spans import Spans, typed, written
from asof.ingest.values.target import Target
from asof.storage.arrow_types import arrow_type

_HEADER = 2**20  # bytes within which the header ends


@dataclass(frozen=True)
class Header:
    """The names that a file begins with, and the bytes that they take up."""

    names: list[str]
    delimiter: str
    size: int

    @cached_property
    def layout(self) -> str:
        """How a record's raw text is to be read."""
        return msgspec.json.encode({"delimiter": self.delimiter, "names": self.names}).decode()


def pieces(opened: Opened, source: Source, size: int, start: Position, *, delimiter: str) -> Iterator[Piece]:
    """The blocks of a file. DataError where the header lacks a declared column."""
    with opened.stream() as stream:
        reader = TextReader(stream)
        header = read_header(_head(reader, size, delimiter), delimiter)
        _check(header.names, source)
        if start.offset:
            reader.skip_to(start, size)
        else:
            reader.take(header.size)
        for block in blocks(reader, size, partial(cut_records, delimiter=delimiter)):
            yield Piece(partial(parse, block, header, source), block.end)


def _head(reader: TextReader, size: int, delimiter: str) -> bytes:
    """The first records of a text, with no more read than it takes."""
    wanted = min(size, _HEADER)
    while not cut_records(text := reader.peek(wanted), delimiter):
        if reader.is_rest(text) or wanted >= _HEADER:
            break
        wanted *= 2
    return text


def read_header(text: bytes, delimiter: str) -> Header:
    """The header at the start of a text; it has no names where the text is empty."""
    mark = len(BOM) if text.startswith(BOM) else 0
    lines = text[mark:].splitlines(keepends=True)
    header = next(records(lines, delimiter), None) or Record(0, len(lines), [])
    if header.fault:
        raise DataError(f"the header can't be read: {header.fault}")
    names = [shown(field.encode("utf-8", "surrogateescape")) for field in header.fields]
    return Header(names, delimiter, mark + sum(map(len, lines[: header.end])))


def _check(names: Sequence[str], source: Source) -> None:
    for column in source.schema if names else ():
        if column not in names:
            raise DataError(f"the header has no column {column!r}; {choices(column, names)}")
        if names.count(column) > 1:
            raise DataError(f"the header has column {column!r} {names.count(column)} times")


def parse(block: Block, header: Header, source: Source) -> Parsed:
    """The rows of a block."""
    lines = _Lines(block)
    columns = kept(header.names, source) if header.names else list(source.schema)
    found = fields_of(block.text, header.delimiter, header.names, columns)
    if found is None:
        records = _one_by_one(lines, columns, header, source.reader.nulls)
    else:
        records = _at_once(lines, found, header, source)
    return replace(parsed(records, source), ignored=ignored(header.names, source))


class _Lines:
    """The lines of a block; those of its records are told when they are asked for."""

    def __init__(self, block: Block) -> None:
        self.block = block

    @cached_property
    def all(self) -> list[bytes]:
        return self.block.text.splitlines(keepends=True)

    @cached_property
    def of_records(self) -> list[tuple[int, int]]:
        """From and up to which line each record goes, where the block is well quoted."""
        return record_lines(self.all)

    def at(self, start: int, end: int) -> tuple[int, str]:
        """The line in the file (from 1) and the raw text of the record in the lines `start` to `end`."""
        return self.block.line + start + 1, raw(self.all, start, end)


def _at_once(lines: _Lines, found: Fields, header: Header, source: Source) -> Records:
    """The records of a block that is well quoted."""
    text = pa.string() if is_utf8(lines.block.text) else pa.binary()
    values = {name: _column(name, spans, text, source) for name, spans in found.spans.items()}
    is_whole = found.counts == len(header.names)
    malformed = [
        Rejection(*lines.at(*lines.of_records[record]), _miscounted(int(found.counts[record]), header.names))
        for record in np.flatnonzero(~is_whole)
    ]
    numbers = cache(lambda: np.flatnonzero(is_whole))
    return Records(
        pa.table(values), lambda row: lines.at(*lines.of_records[numbers()[row]]), malformed, header.layout
    )


def _column(name: str, spans: Spans, text: pa.DataType, source: Source) -> pa.Array:
    """The values in the declared type where all of them are plain, else as text."""
    if name in source.schema:
        target = Target(arrow_type(source.schema[name].name), source.timezone, source.reader.nulls)
        found = typed(spans, target)
        if found is not None and not len(found.others):
            return found.values
    return written(spans, text, source.reader.nulls)


def _one_by_one(lines: _Lines, columns: Sequence[str], header: Header, nulls: Sequence[str]) -> Records:
    found: dict[str, list[bytes | None]] = {name: [] for name in columns}
    fields = [(header.names.index(name), column.append) for name, column in found.items() if header.names]
    spans: list[tuple[int, int]] = []
    malformed = []
    for record in records(lines.all, header.delimiter):
        if fault := fault_of(record, header.names):
            malformed.append(Rejection(*lines.at(record.start, record.end), fault))
            continue
        spans.append((record.start, record.end))
        for at, append in fields:
            value = record.fields[at]
            append(None if value in nulls else value.encode("utf-8", "surrogateescape"))
    values = pa.table({name: pa.array(column, pa.binary()) for name, column in found.items()})
    return Records(values, lambda row: lines.at(*spans[row]), malformed, header.layout)


def fault_of(record: Record, names: Sequence[str]) -> str | None:
    """Why a record does not have a field for each name of the header; None where it does."""
    if record.fault or len(record.fields) == len(names):
        return record.fault
    return _miscounted(len(record.fields), names)


def _miscounted(fields: int, names: Sequence[str]) -> str:
    return f"has {fields} fields where the header has {len(names)}"
