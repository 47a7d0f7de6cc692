"""Where in lines of JSON the values of some keys stand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from asof.ingest.files.text_blocks import is_utf8, lines_in
from asof.ingest.values.plain import DIGITS, Bytes, Flags, Ints, Places, States
from asof.ingest.values.spans import Spans, bytes_of
from asof.storage.compiled import compiled, inlined

BLANK, PLAIN, OTHER = 0, 1, 2

_OPEN, _CLOSE, _COLON, _COMMA, _QUOTE, _ESCAPE = (ord(mark) for mark in '{}:,"\\')
_SPACE, _TAB, _LF, _CR = (ord(space) for space in " \t\n\r")
_MINUS, _POINT, _ZERO, _E, _EE = (ord(sign) for sign in "-.0eE")
_N, _T, _F = (ord(initial) for initial in "ntf")
_SMALL = 6  # zeros after the point, from which on a decimal is shown with an exponent
_WORDS = np.array([list(b"null\0"), list(b"true\0"), list(b"false")], np.uint8)
_UNSEEN, _NULL = -1, -2
_FAULT = -1

_IN_TEXT = np.ones((2, 256), np.bool_)
"""Bytes that stand for themselves in a text, where all is UTF-8 (1) and where that is not known (0)."""
_IN_TEXT[:, :32] = False
_IN_TEXT[:, [_QUOTE, _ESCAPE]] = False
_IN_TEXT[0, 128:] = False


@dataclass(frozen=True)
class Values:
    """The values in the plain lines, by key, and of each line whether it is `BLANK`, `PLAIN` or `OTHER`.

    A line is plain where it is a flat object of JSON's own values, none of a key twice, whose texts have
    no escapes and whose numbers are written as Python shows them.
    """

    spans: dict[str, Spans]
    lines: States


def values_of(text: bytes, names: Sequence[str]) -> Values:
    """The values of the named keys; `null` and a key that is not there are none."""
    whole = text if text.endswith(b"\n") else text + b"\n"  # so that no line can be read past its end
    copy, most = bytes_of(whole), lines_in(whole)
    encoded = [name.encode() for name in names]
    key_ends = np.cumsum([0, *map(len, encoded)], dtype=np.int64)
    starts, ends = np.empty((2, len(names), most), np.int32)
    lines = np.empty(most, np.uint8)
    found, rows = _lines(
        copy, bytes_of(b"".join(encoded)), key_ends, _IN_TEXT[int(is_utf8(text))], starts, ends, lines
    )
    spans = {name: Spans(copy, starts[at, :rows], ends[at, :rows]) for at, name in enumerate(names)}
    return Values(spans, lines[:found])


@compiled
def _lines(
    text: Bytes, keys: Bytes, key_ends: Ints, in_text: Flags, starts: Places, ends: Places, lines: States
) -> tuple[int, int]:
    """The numbers of lines, and of plain ones."""
    at, line, row = 0, 0, 0
    while at < len(text):
        for key in range(len(starts)):
            starts[key, row] = _UNSEEN
        lines[line], at = _object(text, at, keys, key_ends, in_text, starts, ends, row)
        while text[at] != _LF and text[at] != _CR:
            at += 1
        at += 2 if text[at] == _CR and text[at + 1] == _LF else 1
        row += lines[line] == PLAIN
        line += 1
    return line, row


@inlined
def _object(
    text: Bytes, at: int, keys: Bytes, key_ends: Ints, in_text: Flags, starts: Places, ends: Places, row: int
) -> tuple[int, int]:
    """What the line is that begins at a place, and how far it was read."""
    at = _after_space(text, at)
    if text[at] == _LF or text[at] == _CR:
        return BLANK, at
    if text[at] != _OPEN:
        return OTHER, at
    at, expected = _after_space(text, at + 1), 0
    if text[at] == _CLOSE:
        return _ended(text, at + 1)
    while text[at] == _QUOTE:
        key, start = _key(text, at + 1, keys, key_ends, expected, in_text)
        if start == _FAULT:
            return OTHER, at
        at = _after_space(text, start)
        if text[at] != _COLON:
            return OTHER, at
        start, end, following = _value(text, _after_space(text, at + 1), in_text)
        if following == _FAULT or (key >= 0 and starts[key, row] != _UNSEEN):
            return OTHER, at
        if key >= 0:
            starts[key, row], ends[key, row], expected = start, end, key + 1
        at = _after_space(text, following)
        if text[at] == _CLOSE:
            return _ended(text, at + 1)
        if text[at] != _COMMA:
            return OTHER, at
        at = _after_space(text, at + 1)
    return OTHER, at


@inlined
def _ended(text: Bytes, at: int) -> tuple[int, int]:
    at = _after_space(text, at)
    return (PLAIN if text[at] == _LF or text[at] == _CR else OTHER), at


@inlined
def _after_space(text: Bytes, at: int) -> int:
    while text[at] == _SPACE or text[at] == _TAB:
        at += 1
    return at


@inlined
def _key(
    text: Bytes, start: int, keys: Bytes, key_ends: Ints, expected: int, in_text: Flags
) -> tuple[int, int]:
    """Which of the keys stands there (-1: another), looked for from the expected one on; what follows it."""
    count = len(key_ends) - 1
    for i in range(count):
        key = expected + i if expected + i < count else expected + i - count
        end = start + key_ends[key + 1] - key_ends[key]
        if end < len(text) and text[end] == _QUOTE and _is_same(text, start, end, keys, key_ends[key]):
            return key, end + 1
    return -1, _end_of_text(text, start, in_text)


@inlined
def _is_same(text: Bytes, start: int, end: int, keys: Bytes, first: int) -> bool:
    while start < end and text[start] == keys[first]:
        start += 1
        first += 1
    return start == end


@inlined
def _value(text: Bytes, at: int, in_text: Flags) -> tuple[int, int, int]:
    """From where to where a value's text stands, and what follows; `_FAULT` where it is not plain."""
    if text[at] == _QUOTE:
        end = _end_of_text(text, at + 1, in_text)
        return at + 1, end - 1, end
    if text[at] == _N:
        return _NULL, at, _end_of_word(text, at, _WORDS[0])
    if text[at] == _T:
        return at, at + 4, _end_of_word(text, at, _WORDS[1])
    if text[at] == _F:
        return at, at + 5, _end_of_word(text, at, _WORDS[2])
    end = _end_of_number(text, at)
    return at, end, end


@inlined
def _end_of_word(text: Bytes, at: int, word: Bytes) -> int:
    for letter in word:
        if letter and text[at] != letter:
            return _FAULT
        at += letter > 0
    return at


@inlined
def _end_of_text(text: Bytes, at: int, in_text: Flags) -> int:
    """After the quote that closes a text."""
    while in_text[text[at]]:
        at += 1
    return at + 1 if text[at] == _QUOTE else _FAULT


@inlined
def _end_of_number(text: Bytes, at: int) -> int:
    start = at + 1 if text[at] == _MINUS else at
    point = _end_of_digits(text, start)
    zero = point == start + 1 and text[start] == _ZERO
    if point == start or point - start > DIGITS or (text[start] == _ZERO and not zero):
        return _FAULT
    if text[point] != _POINT:
        return _FAULT if _is_exponent(text[point]) or (zero and start > at) else point
    end = _end_of_digits(text, point + 1)
    zeros = point + 1
    while text[zeros] == _ZERO:
        zeros += 1
    small = zero and zeros - point - 1 >= _SMALL
    return _FAULT if end == point + 1 or small or _is_exponent(text[end]) else end


@inlined
def _end_of_digits(text: Bytes, at: int) -> int:
    while 48 <= text[at] <= 57:
        at += 1
    return at


@inlined
def _is_exponent(byte: int) -> bool:
    return byte in (_E, _EE)
