"""JSON lines: one object a line. A key that is not there is null; nested values are kept as JSON text.

The plain lines of a block are read in one go, those with anything out of the ordinary object by object;
both give the same rows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import InvalidOperation
from functools import cache, partial
from io import BytesIO

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.types as pt

from asof.features.source import Source
from asof.ingest.batch import Rejection
from asof.ingest.files.delimited_records import shown
from asof.ingest.files.json_spans import BLANK, PLAIN, values_of
from asof.ingest.files.opened import Opened
from asof.ingest.files.pieces import Piece, Position
from asof.ingest.files.text_blocks import BOM, TextReader, blocks, cut_lines, is_utf8
from asof.ingest.records.parsed import Parsed, Records, parsed
from asof.ingest.schema.contract import ignored
from asof.ingest.values.conversion import convert
from asof.ingest.values.json import DECODER, columns_of
from asof.ingest.values.plain import Ints
from asof.ingest.values.spans import Spans, Typed, typed, written
from asof.ingest.values.target import Target
from asof.storage.arrow_types import arrow_type

_NUMBER = re.compile(r"-?\d")
_NONE = np.array([], np.int64)


def pieces(opened: Opened, source: Source, size: int, start: Position) -> Iterator[Piece]:
    """The blocks of a file."""
    with opened.stream() as stream:
        reader = TextReader(stream)
        reader.skip_to(start, size)
        for block in blocks(reader, size, cut_lines):
            yield Piece(partial(read, block.text, source, block.line), block.end)


def read(text: bytes, source: Source, before: int = 0) -> Parsed:
    """The rows of a text; `before` lines came before it at its origin."""
    text = text if before else text.removeprefix(BOM)
    lines = cache(text.splitlines)
    if _needs_each(source):
        found = _one_by_one(lines(), np.arange(len(lines())), source, before)
    else:
        found = _at_once(text, lines, source, before)

    def locate(row: int) -> tuple[int, str]:
        at = int(found.lines[row])
        return before + at + 1, shown(lines()[at])

    return replace(
        parsed(Records(found.values, locate, found.malformed), source), ignored=_ignored(text, source)
    )


def _ignored(text: bytes, source: Source) -> frozenset[str]:
    """The keys that are not read, as far as the first line has any."""
    first = _object(BytesIO(text).readline(), 1)
    return ignored(first, source) if isinstance(first, dict) else frozenset()


@dataclass(frozen=True)
class _Objects:
    """Objects as columns, the line (from 0) of each, and the lines that hold none."""

    values: pa.Table
    lines: Ints
    malformed: Sequence[Rejection]


def _at_once(text: bytes, lines: Callable[[], list[bytes]], source: Source, before: int) -> _Objects:
    """The objects of a text: of its plain lines all at once, of others one by one."""
    found = values_of(text, list(source.schema))
    is_plain = found.lines == PLAIN
    columns = _columns(found.spans, source)
    if len(inexact := _inexact(columns)):
        exact = np.ones(int(is_plain.sum()), np.bool_)
        exact[inexact] = False
        is_plain[is_plain] = exact
        columns = _columns({name: spans.only(exact) for name, spans in found.spans.items()}, source)
    plain, others = np.flatnonzero(is_plain), np.flatnonzero(~is_plain & (found.lines != BLANK))
    if not len(others):
        return _Objects(pa.table({name: column.values for name, column in columns.items()}), plain, [])
    return _together(columns, plain, _one_by_one(lines(), others, source, before))


@dataclass(frozen=True)
class _Column:
    """The values of a key in plain lines; `typed` where the declared type is read straight."""

    spans: Spans
    target: Target
    typed: Typed | None

    @property
    def is_typed(self) -> bool:
        return self.typed is not None and not len(self.typed.others)

    @property
    def text(self) -> pa.Array:
        return written(self.spans, pa.string(), self.target.nulls)

    @property
    def values(self) -> pa.Array:
        """In the declared type where all are plain, else as text."""
        return self.typed.values if self.typed and self.is_typed else self.text


def _columns(spans: Mapping[str, Spans], source: Source) -> dict[str, _Column]:
    columns = {}
    for name, dtype in source.schema.items():
        target = Target(arrow_type(dtype.name), source.timezone, source.reader.nulls)
        columns[name] = _Column(spans[name], target, typed(spans[name], target))
    return columns


def _inexact(columns: Mapping[str, _Column]) -> Ints:
    """The rows with a decimal that may have to be freed of a float's noise."""
    decimals = [column for column in columns.values() if pt.is_decimal(column.target.type)]
    return np.concatenate([_NONE, *(column.typed.others for column in decimals if column.typed)])


def _together(columns: Mapping[str, _Column], plain: Ints, others: _Objects) -> _Objects:
    """All objects in the order of their lines."""
    at = np.concatenate([plain, others.lines])
    order = np.argsort(at)
    values = {name: _joined(column, others.values[name]).take(order) for name, column in columns.items()}
    return _Objects(pa.table(values), at[order], others.malformed)


def _joined(column: _Column, others: pa.ChunkedArray) -> pa.Array:
    """Values of plain lines and others in the declared type, or as text where one can't have it."""
    if column.is_typed:
        converted, refused = convert(others, column.target)
        if not refused:
            return pa.concat_arrays([column.values, *converted.chunks])
    return pa.concat_arrays([column.text, *others.chunks])


def plain_lines(text: bytes) -> int:
    r"""The number of lines, each of which begins and ends as an object does; 0 where one does not.

    >>> plain_lines(b'{"a": 1}\n{"a": 2}\r\n'), plain_lines(b'{"a":\n1}'), plain_lines(b'{}\n\n')
    (2, 0, 0)
    """
    if not text.startswith(b"{") or not text.endswith((b"}", b"}\n", b"}\r\n")):
        return 0
    edges = text.count(b"}\n{")
    if b"\r" in text:
        if text.count(b"\r") != text.count(b"\r\n"):
            return 0
        edges += text.count(b"}\r\n{")
    whole = text.count(b"\n") == edges + text.endswith(b"\n")
    return edges + 1 if whole and is_utf8(text) else 0


def _needs_each(source: Source) -> bool:
    """Whether all objects are to be read one by one: for all of their keys, or as text."""
    return (
        source.contract.new_columns != "ignore"
        or any(map(_is_number, source.reader.nulls))
        or any(msgspec.json.encode(name) != f'"{name}"'.encode() for name in source.schema)
    )


def _is_number(text: str) -> bool:
    """Whether a text may stand for a JSON number or flag, so that typed values would hide it."""
    return _NUMBER.match(text) is not None or text in ("true", "false")


def _one_by_one(lines: Sequence[bytes], at: Ints, source: Source, before: int) -> _Objects:
    """The objects of some of the lines."""
    objects, numbers, malformed = [], [], []
    for number in at.tolist():
        found = _object(lines[number], before + number + 1)
        if isinstance(found, Rejection):
            malformed.append(found)
        elif found is not None:
            objects.append(found)
            numbers.append(number)
    return _Objects(columns_of(objects, source), np.array(numbers, np.int64), malformed)


def _object(line: bytes, number: int) -> dict[str, object] | Rejection | None:
    """The object of a line, None where it is blank."""
    if not line.strip():
        return None
    try:
        return DECODER.decode(line)
    except msgspec.ValidationError:
        return Rejection(number, shown(line), "is not a JSON object")
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return Rejection(number, shown(line), f"is not JSON: {error}")
    except (RecursionError, InvalidOperation):
        return Rejection(number, shown(line), "is nested too deep, or has a number beyond any decimal")
