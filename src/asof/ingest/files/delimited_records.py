"""Records of delimited text, one by one, with the lines that they stand in."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple

QUOTE = b'"'
NOT_CLOSED = "a quote is not closed"


class Record(NamedTuple):
    """What stands in the lines from `start` up to `end`, counted from 0: fields, or a fault.

    Bytes that are no UTF-8 are surrogates in the fields.
    """

    start: int
    end: int
    fields: list[str]
    fault: str | None = None


def raw(lines: Sequence[bytes], start: int, end: int) -> str:
    """A record as it stands in its file, without the end of its last line."""
    return shown(b"".join(lines[start:end]).rstrip(b"\r\n"))


def shown(text: bytes) -> str:
    r"""Bytes as text, with those that are no UTF-8 written out as `\xff`."""
    return text.decode("utf-8", "backslashreplace")


def records(lines: Sequence[bytes], delimiter: str, start: int = 0) -> Iterator[Record]:
    """The records in the lines from `start` on; lines are split at LF, CR or both.

    A record whose quotes are wrong can't be told from its neighbours, so its first line alone is
    at fault and reading goes on in the next one.
    """
    csv.field_size_limit(sys.maxsize)
    while start < len(lines):
        stopped = len(lines)
        for record in _up_to_fault(lines, delimiter, start):
            yield record
            if record.fault:
                stopped = record.end
        start = stopped


def _up_to_fault(lines: Sequence[bytes], delimiter: str, start: int) -> Iterator[Record]:
    text = (line.decode("utf-8", "surrogateescape") for line in islice(lines, start, None))
    reader = csv.reader(text, delimiter=delimiter, strict=True)
    begin = start
    try:
        for fields in reader:
            end = start + reader.line_num
            if fields:
                yield Record(begin, end, fields)
            begin = end
    except csv.Error as error:
        yield Record(begin, begin + 1, [], _fault(error))


def _fault(error: csv.Error) -> str:
    if "end of data" in str(error):
        return NOT_CLOSED
    return "text stands after a closing quote"
