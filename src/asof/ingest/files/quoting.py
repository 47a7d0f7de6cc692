"""Where records of delimited text end, told from quotes and ends of lines alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from asof.ingest.files.delimited_records import NOT_CLOSED, QUOTE, records
from asof.ingest.files.text_blocks import cut_lines
from asof.ingest.values.plain import Bytes
from asof.storage.compiled import compiled

_QUOTE, _LF, _CR = ord('"'), ord("\n"), ord("\r")


def cut_records(text: bytes, delimiter: str) -> int:
    r"""Where the last record ends in text that goes on, or the last before a quote that is out of place.

    0 where none is sure to end.

    >>> cut_records(b'1,"a\n2"\n3,"b\n4', ",")
    8
    """
    if QUOTE not in text:
        return cut_lines(text)
    sound, quoted = _well_quoted(np.frombuffer(text, np.uint8), ord(delimiter))
    at = cut_lines(text[:sound])
    while at and (quoted + text.count(QUOTE, at, sound)) % 2:
        at = cut_lines(text[: text.rfind(QUOTE, 0, at)])
    return at or (0 if sound == len(text) else _cut_one_by_one(text, delimiter))


@compiled
def _well_quoted(text: Bytes, delimiter: int) -> tuple[int, bool]:
    """Up to where each quote opens a field, closes one or is doubled in one; whether one is open there."""
    is_edge = np.zeros(256, np.bool_)
    for byte in (delimiter, _QUOTE, _LF, _CR):
        is_edge[byte] = True
    quoted = False
    for at in range(len(text)):
        if text[at] != _QUOTE:
            continue
        beside = at + 1 if quoted else at - 1
        if 0 <= beside < len(text) and not is_edge[text[beside]]:
            return at, quoted
        quoted = not quoted
    return len(text), quoted


def _cut_one_by_one(text: bytes, delimiter: str) -> int:
    lines = text.splitlines(keepends=True)
    end = 0
    for record in records(lines, delimiter):
        if record.fault == NOT_CLOSED or record.end == len(lines):
            break
        end = record.end
    return sum(map(len, lines[:end]))


def record_lines(lines: Sequence[bytes]) -> list[tuple[int, int]]:
    r"""The lines, from and up to, of each record in well-quoted text; blank lines are none.

    >>> record_lines([b"1,2\n", b"\n", b'"a\n', b'b",3\n'])
    [(0, 1), (2, 4)]
    """
    spans, start, quoted = [], 0, 0
    for end, line in enumerate(lines, 1):
        quoted ^= line.count(QUOTE) & 1
        if not quoted:
            if end > start + 1 or line not in (b"\n", b"\r\n", b"\r"):
                spans.append((start, end))
            start = end
    return spans
