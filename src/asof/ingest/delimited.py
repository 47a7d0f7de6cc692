"""CSV and its like: a header, then records whose fields a delimiter separates, quoted as RFC 4180 says.

A file is read in one go where every record has all its fields, else record by record.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache, cached_property

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv

from asof.errors import DataError, choices
from asof.features.source import Source
from asof.ingest.batch import Rejection
from asof.ingest.delimited_records import QUOTE, Record, raw, records, shown
from asof.ingest.records import Parsed, Records, parsed

BOM = b"\xef\xbb\xbf"
_HEADER = 2**20  # bytes within which the header ends


class Text:
    """A file's text: the names in its header, then the lines of its records."""

    def __init__(self, data: bytes, delimiter: str) -> None:
        self._text = data.removeprefix(BOM)
        self.delimiter = delimiter
        head = self._text[:_HEADER].splitlines(keepends=True)
        header = next(records(head, delimiter), None) or Record(0, 0, [])
        if header.fault:
            raise DataError(f"the header can't be read: {header.fault}")
        self.names = [shown(field.encode("utf-8", "surrogateescape")) for field in header.fields]
        self._start = header.end
        self.body = memoryview(self._text)[sum(map(len, head[: header.end])) :]

    @cached_property
    def lines(self) -> list[bytes]:
        return self._text.splitlines(keepends=True)

    def records(self) -> Iterator[Record]:
        """The records after the header, good and bad."""
        return records(self.lines, self.delimiter, self._start)

    def at(self, start: int, end: int) -> tuple[int, str]:
        """The line (from 1) and the raw text of the record that stands in the lines `start` to `end`."""
        return start + 1, raw(self.lines, start, end)


def read(data: bytes, source: Source, *, delimiter: str) -> Parsed:
    """The rows of a file. Raises DataError where the header lacks a declared column."""
    text = Text(data, delimiter)
    if text.names:
        _check_header(text.names, source)
    return parsed(_in_one_go(text, source) or _one_by_one(text, source), source)


def _check_header(names: Sequence[str], source: Source) -> None:
    for column in source.schema:
        if column not in names:
            raise DataError(f"the header has no column {column!r}; {choices(column, names)}")
        if names.count(column) > 1:
            raise DataError(f"the header has column {column!r} {names.count(column)} times")


def _in_one_go(text: Text, source: Source) -> Records | None:
    """The records with their declared columns as bytes; None where one is not as it should be."""
    if not well_quoted(text.body, text.delimiter):
        return None
    read = [name if name in source.schema else f"_{i}" for i, name in enumerate(text.names)]
    try:
        values = pacsv.read_csv(
            pa.BufferReader(pa.py_buffer(text.body)),
            pacsv.ReadOptions(column_names=read),
            pacsv.ParseOptions(delimiter=text.delimiter, newlines_in_values=True),
            pacsv.ConvertOptions(
                check_utf8=False,
                column_types=dict.fromkeys(source.schema, pa.binary()),
                include_columns=list(source.schema),
                null_values=[],
                strings_can_be_null=False,
            ),
        )
    except pa.ArrowInvalid:
        return None
    located = cache(lambda: [(record.start, record.end) for record in text.records()])
    return Records(values, lambda row: text.at(*located()[row]))


def well_quoted(body: memoryview | bytes, delimiter: str) -> bool:
    """Whether every quote opens a field, closes one or is doubled within one, and none stays open.

    >>> well_quoted(b'1,"a ""b"" c",2', ","), well_quoted(b'1,5" pipe,2', ",")
    (True, False)
    """
    text = np.frombuffer(b"\n" + body + b"\n", np.uint8)
    quotes = np.flatnonzero(text == ord(QUOTE))
    if len(quotes) % 2:
        return False
    edges = np.frombuffer(delimiter.encode() + b"\r\n" + QUOTE, np.uint8)
    before_opening, after_closing = text[quotes[0::2] - 1], text[quotes[1::2] + 1]
    return bool(np.isin(before_opening, edges).all() and np.isin(after_closing, edges).all())


def _one_by_one(text: Text, source: Source) -> Records:
    columns: dict[str, list[bytes]] = {name: [] for name in source.schema}
    fields = [(text.names.index(name), column.append) for name, column in columns.items() if text.names]
    spans: list[tuple[int, int]] = []
    malformed = []
    for record in text.records():
        if fault := record.fault or _miscounted(record, text.names):
            malformed.append(Rejection(*text.at(record.start, record.end), fault))
            continue
        spans.append((record.start, record.end))
        for at, append in fields:
            append(record.fields[at].encode("utf-8", "surrogateescape"))
    values = pa.table({name: pa.array(column, pa.binary()) for name, column in columns.items()})
    return Records(values, lambda row: text.at(*spans[row]), malformed)


def _miscounted(record: Record, names: Sequence[str]) -> str | None:
    if len(record.fields) == len(names):
        return None
    return f"has {len(record.fields)} fields where the header has {len(names)}"
