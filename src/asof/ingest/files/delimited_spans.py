"""Where in delimited text the fields of its records stand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from asof.ingest.files.text_blocks import lines_in
from asof.ingest.values.plain import Bytes, Ints, Places
from asof.ingest.values.spans import Spans, bytes_of
from asof.storage.compiled import compiled, inlined

_QUOTE, _LF, _CR = ord('"'), ord("\n"), ord("\r")


@dataclass(frozen=True)
class Fields:
    """The fields of the records that have one for each name, and how many fields each record has."""

    spans: dict[str, Spans]
    counts: Places


def fields_of(text: bytes, delimiter: str, names: Sequence[str], wanted: Sequence[str]) -> Fields | None:
    """The wanted fields; None where quotes are not as RFC 4180 says."""
    slots = np.array([wanted.index(name) if name in wanted else -1 for name in names], np.int64)
    copy, most = bytes_of(text), lines_in(text) + 1
    starts, ends = np.empty((2, len(wanted), most), np.int32)
    counts = np.empty(most, np.int32)
    records, rows = _split(copy, ord(delimiter), slots, starts, ends, counts)
    if records < 0:
        return None
    spans = {name: Spans(copy, starts[at, :rows], ends[at, :rows]) for at, name in enumerate(wanted)}
    return Fields(spans, counts[:records])


@compiled
def _split(
    text: Bytes, delimiter: int, slots: Ints, starts: Places, ends: Places, counts: Places
) -> tuple[int, int]:
    """The numbers of records, and of those with all fields; a doubled quote becomes one, in place.

    -1 where quotes are not as they should be.
    """
    ends_field = np.zeros(256, np.bool_)
    for byte in (delimiter, _QUOTE, _LF, _CR):
        ends_field[byte] = True
    at, record, row = 0, 0, 0
    while at < len(text):
        if text[at] == _LF or text[at] == _CR:
            at += 1
            continue
        field, more = 0, True
        while more:
            if at < len(text) and text[at] == _QUOTE:
                start, end, at = _unquoted(text, at + 1)
            else:
                start = at
                while at < len(text) and not ends_field[text[at]]:
                    at += 1
                end = at
            if at < 0 or (at < len(text) and (text[at] == _QUOTE or not ends_field[text[at]])):
                return -1, 0
            if field < len(slots) and slots[field] >= 0:
                starts[slots[field], row], ends[slots[field], row] = start, end
            field += 1
            more = at < len(text) and text[at] == delimiter
            at += more
        counts[record] = field
        record += 1
        row += field == len(slots)
    return record, row


@inlined
def _unquoted(text: Bytes, start: int) -> tuple[int, int, int]:
    """From where to where a quoted field stands, and where it is over; -1 where its quote stays open."""
    at = end = start
    while at < len(text):
        if text[at] == _QUOTE:
            at += 1
            if at == len(text) or text[at] != _QUOTE:
                return start, end, at
        if end < at:
            text[end] = text[at]
        at += 1
        end += 1
    return start, end, -1
