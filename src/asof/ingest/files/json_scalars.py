"""Texts, numbers, flags and null of JSON, where they stand in a text.

Each function takes the place where one begins, and says what follows it and whether it is sound.
"""

from __future__ import annotations

import numpy as np

from asof.ingest.values.plain import DIGITS, Bytes
from asof.storage.byte_words import SIZE, Word, below, equal, every, first, no_digits, word_at
from asof.storage.compiled import compiled, inlined

NULL = -2
"""Where `null` begins, for those who ask for its text."""

_QUOTE, _ESCAPE, _U = ord('"'), ord("\\"), ord("u")
_QUOTES, _ESCAPES, _SPACES = every(_QUOTE), every(_ESCAPE), every(ord(" "))
_MINUS, _PLUS, _POINT, _ZERO, _NINE, _E, _EE = (ord(sign) for sign in "-+.09eE")
_N, _T, _F = (ord(initial) for initial in "ntf")
_WORDS = np.array([list(b"null\0"), list(b"true\0"), list(b"false")], np.uint8)
_SMALL = 6  # zeros after the point, from which on a decimal is shown with an exponent
_GREAT = 4  # digits of an exponent
_MEANT = np.zeros(256, np.uint8)
_MEANT[list(b'"\\/bfnrt')] = list(b'"\\/\b\f\n\r\t')
_HEX = np.full(256, -1, np.int32)
_HEX[list(b"0123456789abcdefABCDEF")] = [*range(16), *range(10, 16)]
_PAIRED, _LOW, _ABOVE = 0xD800, 0xDC00, 0xE000  # halves of the characters that UTF-16 writes as two


@inlined
def scalar(text: Bytes, at: int, never: Word) -> tuple[int, int, int, bool]:
    """From where to where the text of a value stands; a number is sound only as Python shows it.

    Escapes are replaced in place by what they mean. No text has a byte of which `never` has the top bit.
    """
    if text[at] == _QUOTE:
        end, following, sound = _text(text, at + 1, never)
        return at + 1, end, following, sound
    if text[at] == _N:
        following, sound = _after_word(text, at, _WORDS[0])
        return NULL, NULL, following, sound
    if text[at] == _T or text[at] == _F:
        following, sound = _after_word(text, at, _WORDS[1 if text[at] == _T else 2])
        return at, following, following, sound
    following, sound = _after_plain_number(text, at)
    return at, following, following, sound


@inlined
def after_scalar(text: Bytes, at: int, never: Word) -> tuple[int, bool]:
    """What follows a value, whose number may be written in any way."""
    if text[at] == _MINUS or _ZERO <= text[at] <= _NINE:
        return _after_number(text, at)
    _, _, following, sound = scalar(text, at, never)
    return following, sound


@inlined
def after_key(text: Bytes, at: int, never: Word) -> tuple[int, bool]:
    """What follows a key whose first quote was read; one with escapes is not sound."""
    at = _end_of_run(text, at, never)
    closed = text[at] == _QUOTE
    return at + closed, closed


@inlined
def _after_word(text: Bytes, at: int, word: Bytes) -> tuple[int, bool]:
    for letter in word:
        if letter and text[at] != letter:
            return at, False
        at += letter > 0
    return at, True


@inlined
def _text(text: Bytes, at: int, never: Word) -> tuple[int, int, bool]:
    """Where a text ends once its escapes are replaced."""
    at = end = _end_of_run(text, at, never)
    sound = True
    while text[at] == _ESCAPE and sound:
        end, at, sound = _unescaped(text, end, at)
        stop = _end_of_run(text, at, never) if sound else at
        while at < stop:
            text[end] = text[at]
            end += 1
            at += 1
    closed = text[at] == _QUOTE
    return end, at + closed, closed


@inlined
def _end_of_run(text: Bytes, at: int, never: Word) -> int:
    """Up to where bytes stand for themselves."""
    length = SIZE
    while length == SIZE:
        word = word_at(text, at)
        length = first(equal(word, _QUOTES) | equal(word, _ESCAPES) | below(word, _SPACES) | (word & never))
        at += length
    return at


@compiled
def _unescaped(text: Bytes, end: int, at: int) -> tuple[int, int, bool]:
    """Write what an escape means to where a text ends so far; where it ends then."""
    if text[at + 1] != _U:
        text[end] = meant = _MEANT[text[at + 1]]
        return (end + 1, at + 2, True) if meant else (end, at, False)
    point, following = _unit(text, at), at + 6
    if _PAIRED <= point < _LOW:
        low = _unit(text, following)
        point = 0x10000 + ((point - _PAIRED) << 10) + (low - _LOW) if _LOW <= low < _ABOVE else -1
        following += 6
    if point < 0 or _PAIRED <= point < _ABOVE:
        return end, at, False
    return _encoded(text, end, point), following, True


@inlined
def _unit(text: Bytes, at: int) -> int:
    """The number that an escape has, negative where there is none."""
    if text[at] != _ESCAPE or text[at + 1] != _U:
        return -1
    unit = 0
    for i in range(at + 2, at + 6):
        if _HEX[text[i]] < 0:
            return -1
        unit = 16 * unit + _HEX[text[i]]
    return unit


@inlined
def _encoded(text: Bytes, at: int, point: int) -> int:
    """Write a character in UTF-8; the place behind it."""
    size = 1 + (point >= 0x80) + (point >= 0x800) + (point >= 0x10000)
    for i in range(size - 1, 0, -1):
        text[at + i] = 0x80 | (point & 0x3F)
        point >>= 6
    text[at] = point if size == 1 else ((0xF00 >> size) & 0xFF) | point
    return at + size


@inlined
def _after_plain_number(text: Bytes, at: int) -> tuple[int, bool]:
    start = at + (text[at] == _MINUS)
    point = _after_digits(text, start)
    zero = text[start] == _ZERO
    if point == start or point - start > DIGITS or (zero and point > start + 1):
        return point, False
    if text[point] != _POINT:
        return point, not (_is_exponent(text[point]) or (zero and start > at))
    end, zeros = _after_digits(text, point + 1), point + 1
    while zero and text[zeros] == _ZERO:
        zeros += 1
    small = zero and zeros - point - 1 >= _SMALL
    return end, not (end == point + 1 or small or _is_exponent(text[end]))


@compiled
def _after_number(text: Bytes, at: int) -> tuple[int, bool]:
    start = at + (text[at] == _MINUS)
    at = _after_digits(text, start)
    sound = at == start + 1 or (at > start and text[start] != _ZERO)
    if sound and text[at] == _POINT:
        at, point = _after_digits(text, at + 1), at
        sound = at > point + 1
    if sound and _is_exponent(text[at]):
        at += 2 if text[at + 1] == _PLUS or text[at + 1] == _MINUS else 1
        at, exponent = _after_digits(text, at), at
        sound = exponent < at <= exponent + _GREAT
    return at, sound


@inlined
def _after_digits(text: Bytes, at: int) -> int:
    length = SIZE
    while length == SIZE:
        length = first(no_digits(word_at(text, at)))
        at += length
    return at


@inlined
def _is_exponent(byte: int) -> bool:
    return byte in (_E, _EE)
