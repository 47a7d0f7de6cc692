"""A loop that reads times in ISO 8601 straight from the bytes of a text; otherwise as `plain`."""

from __future__ import annotations

import numpy as np

from asof.ingest.values.plain import (
    MINUS,
    MISSING,
    OTHER,
    PLAIN,
    POINT,
    Bytes,
    Ints,
    Places,
    States,
    means_null,
)
from asof.storage.compiled import compiled, inlined

LOCAL = 3
"""A time that has no zone."""
_SPACE, _T, _COLON, _Z, _PLUS = (ord(sign) for sign in " T:Z+")
_SHORTEST = 19  # as in 2024-03-01T10:00:00
_YEARS = 1700, 2200  # that nanoseconds since 1970 hold in 64 bits


@compiled
def instants(
    text: Bytes, starts: Places, ends: Places, nulls: Bytes, null_ends: Ints, values: Ints, digits: int
) -> States:
    """Times to the second or to `digits` digits after it, as counts of that unit since 1970."""
    states = np.zeros(len(starts), np.uint8)
    units = 10**digits
    for row in range(len(starts)):
        values[row] = 0
        if starts[row] < 0 or means_null(text, starts[row], ends[row], nulls, null_ends):
            states[row] = MISSING
        else:
            values[row], states[row] = _instant(text, starts[row], ends[row], digits, units)
    return states


@inlined
def _instant(text: Bytes, start: int, end: int, digits: int, units: int) -> tuple[int, int]:
    if end - start < _SHORTEST or not _is_laid_out(text, start):
        return 0, OTHER
    days = _days(
        _two(text, start) * 100 + _two(text, start + 2), _two(text, start + 5), _two(text, start + 8)
    )
    seconds = _seconds(_two(text, start + 11), _two(text, start + 14), _two(text, start + 17))
    fraction, at = _fraction(text, start + _SHORTEST, end, digits)
    offset, state = _zone(text, at, end)
    if days == OUT or seconds == OUT or fraction < 0 or state == OTHER:
        return 0, OTHER
    return (days * 86_400 + seconds - offset) * units + fraction, state


OUT = -(1 << 40)
"""No number of days or seconds."""


@inlined
def _is_laid_out(text: Bytes, start: int) -> bool:
    return bool(
        text[start + 4] == MINUS
        and text[start + 7] == MINUS
        and (text[start + 10] == _SPACE or text[start + 10] == _T)
        and text[start + 13] == _COLON
        and text[start + 16] == _COLON
    )


@inlined
def _two(text: Bytes, at: int) -> int:
    """The number that two digits make; far from any where they are none."""
    tens, ones = text[at] - 48, text[at + 1] - 48
    return tens * 10 + ones if 0 <= tens <= 9 and 0 <= ones <= 9 else OUT


@inlined
def _days(year: int, month: int, day: int) -> int:
    """The days from 1970 to a date of the proleptic Gregorian calendar."""
    if not (_YEARS[0] <= year <= _YEARS[1] and 1 <= month <= 12 and day >= 1):
        return OUT
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    longest = (29 if leap else 28) if month == 2 else 30 + ((month + month // 8) & 1)
    if day > longest:
        return OUT
    shifted = year - (1 if month <= 2 else 0)  # years that begin in March
    of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    return shifted * 365 + shifted // 4 - shifted // 100 + shifted // 400 + of_year - 719_468


@inlined
def _seconds(hour: int, minute: int, second: int) -> int:
    within = 0 <= hour < 24 and 0 <= minute < 60 and 0 <= second < 60
    return hour * 3600 + minute * 60 + second if within else OUT


@inlined
def _fraction(text: Bytes, at: int, end: int, digits: int) -> tuple[int, int]:
    """Units of the last of `digits` digits after a point, -1 where there are more; and what follows."""
    if at == end or text[at] != POINT:
        return 0, at
    value, first = 0, at + 1
    at = first
    while at < end and 48 <= text[at] <= 57:
        value = value * 10 + (text[at] - 48)
        at += 1
    if not 1 <= at - first <= digits:
        return -1, at
    return value * 10 ** (digits - (at - first)), at


@inlined
def _zone(text: Bytes, at: int, end: int) -> tuple[int, int]:
    """The seconds that a zone is ahead of UTC."""
    if at == end:
        return 0, LOCAL
    if end - at == 1 and text[at] == _Z:
        return 0, PLAIN
    if end - at != 6 or text[at + 3] != _COLON or (text[at] != _PLUS and text[at] != MINUS):
        return 0, OTHER
    seconds = _seconds(_two(text, at + 1), _two(text, at + 4), 0)
    return (seconds if text[at] == _PLUS else -seconds), (OTHER if seconds == OUT else PLAIN)
