"""Where in lines of JSON the values of some keys stand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from asof.ingest.files.json_scalars import after_key, after_scalar, scalar
from asof.ingest.files.text_blocks import is_utf8, lines_in
from asof.ingest.values.plain import Bytes, Ints, Places, States
from asof.ingest.values.spans import Spans, bytes_of
from asof.storage.byte_words import PADDING, SIZE, Word, Words, every, word_at
from asof.storage.compiled import compiled, inlined

BLANK, PLAIN, OTHER = 0, 1, 2

_OPEN, _CLOSE, _COLON, _COMMA, _QUOTE = (ord(mark) for mark in '{}:,"')
_OPEN_LIST, _CLOSE_LIST = ord("["), ord("]")
_SPACE, _TAB, _LF, _CR = (ord(space) for space in " \t\n\r")
_UNSEEN = -1
_DEEPEST = 1 << 60


@dataclass(frozen=True)
class Values:
    """The values in the plain lines, by key, and of each line whether it is `BLANK`, `PLAIN` or `OTHER`.

    A line is plain where it is an object, none of the keys there twice, whose values of those keys are
    texts, flags, null, or numbers written as Python shows them. Others of its values may be of any kind.
    """

    spans: dict[str, Spans]
    lines: States


class _Keys(NamedTuple):
    """Keys with the quotes behind them: their sizes, and their bytes in words, where the masks are set."""

    sizes: Ints
    words: Words
    masks: Words


def values_of(text: bytes, names: Sequence[str]) -> Values:
    """The values of the named keys; `null` and a key that is not there are none."""
    copy, most = bytes_of(text, b"\n" + PADDING), lines_in(text) + 1
    starts, ends = np.empty((2, len(names), most), np.int32)
    lines = np.empty(most, np.uint8)
    size = len(text) + (not text.endswith(b"\n"))
    never = every(0) if is_utf8(text) else every(0x80)
    found, rows = _lines(copy, size, _keys(names), never, starts, ends, lines)
    spans = {name: Spans(copy, starts[at, :rows], ends[at, :rows]) for at, name in enumerate(names)}
    return Values(spans, lines[:found])


def _keys(names: Sequence[str]) -> _Keys:
    keys = [name.encode() + b'"' for name in names]
    width = max((-(-len(key) // SIZE) * SIZE for key in keys), default=SIZE)
    words = b"".join(key.ljust(width, b"\0") for key in keys)
    masks = b"".join((b"\xff" * len(key)).ljust(width, b"\0") for key in keys)
    shape = len(keys), width // SIZE
    sizes = np.array([len(key) for key in keys], np.int64)
    return _Keys(sizes, *(np.frombuffer(each, np.uint64).reshape(shape) for each in (words, masks)))


@compiled
def _lines(
    text: Bytes, size: int, keys: _Keys, never: Word, starts: Places, ends: Places, lines: States
) -> tuple[int, int]:
    """The numbers of lines, and of plain ones; no text has a byte of which `never` has the top bit."""
    at, line, row = 0, 0, 0
    while at < size:
        for key in range(len(starts)):
            starts[key, row] = _UNSEEN
        lines[line], at = _object(text, at, keys, never, starts, ends, row)
        while text[at] != _LF and text[at] != _CR:
            at += 1
        at += 2 if text[at] == _CR and text[at + 1] == _LF else 1
        row += lines[line] == PLAIN
        line += 1
    return line, row


@inlined
def _object(
    text: Bytes, at: int, keys: _Keys, never: Word, starts: Places, ends: Places, row: int
) -> tuple[int, int]:
    """What the line is that begins at a place, and how far it was read."""
    at = _after_space(text, at)
    if text[at] == _LF or text[at] == _CR:
        return BLANK, at
    if text[at] != _OPEN:
        return OTHER, at
    at, expected, sound = _after_space(text, at + 1), 0, True
    if text[at] == _CLOSE:
        return _ended(text, at + 1)
    while text[at] == _QUOTE:
        key, at, sound = _key(text, at + 1, keys, expected, never)
        if not sound or text[at] != _COLON:
            return OTHER, at
        at = _after_space(text, at + 1)
        if key < 0:
            at, sound = _after_any(text, at, never)
        elif starts[key, row] != _UNSEEN:
            return OTHER, at
        else:
            starts[key, row], ends[key, row], at, sound = scalar(text, at, never)
            expected = key + 1
        at = _after_space(text, at)
        if sound and text[at] == _CLOSE:
            return _ended(text, at + 1)
        if not sound or text[at] != _COMMA:
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
def _key(text: Bytes, at: int, keys: _Keys, expected: int, never: Word) -> tuple[int, int, bool]:
    """Which of the keys stands there (-1: another), looked for from the expected one on; what follows it.

    A key with escapes may be any, and is not sound.
    """
    count = len(keys.sizes)
    for i in range(count):
        key = expected + i if expected + i < count else expected + i - count
        if _stands(text, at, keys, key):
            return key, _after_space(text, at + keys.sizes[key]), True
    at, sound = after_key(text, at, never)
    return -1, _after_space(text, at), sound


@inlined
def _stands(text: Bytes, at: int, keys: _Keys, key: int) -> bool:
    for i in range((keys.sizes[key] + SIZE - 1) // SIZE):
        if (word_at(text, at + SIZE * i) ^ keys.words[key, i]) & keys.masks[key, i]:
            return False
    return True


@compiled
def _after_any(text: Bytes, at: int, never: Word) -> tuple[int, bool]:
    """What follows a value of any kind, and whether it is sound and not nested too deep.

    `path` has a bit for each object (1) and list (0) that is open, the inmost one lowest, below a 1.
    """
    path = 1
    while True:
        if text[at] == _OPEN or text[at] == _OPEN_LIST:
            path = 2 * path + (text[at] == _OPEN)
            at = _after_space(text, at + 1)
            sound = path < _DEEPEST
            more = text[at] != _end_of(path)
        else:
            at, sound = after_scalar(text, at, never)
            more = False
        while sound and not more and path > 1:
            at = _after_space(text, at)
            if text[at] == _end_of(path):
                path //= 2
                at += 1
            else:
                more, sound = True, text[at] == _COMMA
                at = _after_space(text, at + sound)
        if not sound or path == 1:
            return at, sound
        if path % 2:
            at, sound = _after_member(text, at, never)
            if not sound:
                return at, False


@inlined
def _end_of(path: int) -> int:
    return _CLOSE if path % 2 else _CLOSE_LIST


@inlined
def _after_member(text: Bytes, at: int, never: Word) -> tuple[int, bool]:
    """Where the value of an object's member begins."""
    if text[at] != _QUOTE:
        return at, False
    at, sound = after_scalar(text, at, never)
    at = _after_space(text, at)
    if not sound or text[at] != _COLON:
        return at, False
    return _after_space(text, at + 1), True
