"""Loops that read values in plain notation straight from the bytes of a text.

What they read they read exactly, into the `values` that they are given. A value in any other notation they
leave at 0, and say so: each row is `PLAIN`, `MISSING` where there is no value or one that means null, or
`OTHER`.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from asof.storage.compiled import compiled, inlined

Bytes = npt.NDArray[np.uint8]
Places = npt.NDArray[np.int32]
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
States = npt.NDArray[np.uint8]

PLAIN, MISSING, OTHER = 0, 1, 2
MINUS, POINT = ord("-"), ord(".")
DIGITS = 18
"""Digits of a number that is read here at most: as many as 64 bits hold whatever they are."""
_EXACT = 2**53  # up to which every whole number is a float


@inlined
def means_null(text: Bytes, start: int, end: int, nulls: Bytes, null_ends: Ints) -> bool:
    """Whether the value from `start` to `end` is one of those that stand in `nulls` one after another."""
    begin = 0
    for stop in null_ends:
        same = stop - begin == end - start
        for i in range(begin, stop if same else begin):
            same = same and nulls[i] == text[start + i - begin]
        if same:
            return True
        begin = stop
    return False


@inlined
def _number(text: Bytes, start: int, end: int) -> tuple[int, int, bool]:
    """All digits of a number as one, how many stand after its point, and whether it is in plain notation."""
    negative = start < end and text[start] == MINUS
    first = start + 1 if negative else start
    value, point = 0, -1
    for i in range(first, end):
        digit = text[i] - 48
        if 0 <= digit <= 9:
            value = value * 10 + digit
        elif text[i] == POINT and point < 0 and i > first:
            point = i
        else:
            return 0, 0, False
    fraction = end - 1 - point if point >= 0 else 0
    digits = end - first - (1 if point >= 0 else 0)
    plain = 1 <= digits <= DIGITS and (point < 0 or fraction > 0) and not (negative and value == 0)
    return -value if negative else value, fraction, plain


@compiled
def whole_numbers(
    text: Bytes,
    starts: Places,
    ends: Places,
    nulls: Bytes,
    null_ends: Ints,
    values: Ints,
    low: int,
    high: int,
) -> States:
    """Whole numbers from `low` to `high`."""
    states = np.zeros(len(starts), np.uint8)
    for row in range(len(starts)):
        values[row] = 0
        if starts[row] < 0 or means_null(text, starts[row], ends[row], nulls, null_ends):
            states[row] = MISSING
            continue
        value, fraction, plain = _number(text, starts[row], ends[row])
        if plain and fraction == 0 and low <= value <= high:
            values[row] = value
        else:
            states[row] = OTHER
    return states


@compiled
def decimals(
    text: Bytes,
    starts: Places,
    ends: Places,
    nulls: Bytes,
    null_ends: Ints,
    values: Ints,
    precision: int,
    scale: int,
) -> States:
    """Decimals as pairs of 64-bit words, the lower one first, counting units of the last digit."""
    states = np.zeros(len(starts), np.uint8)
    powers = np.ones(DIGITS + 1, np.int64)
    for i in range(DIGITS):
        powers[i + 1] = powers[i] * 10
    for row in range(len(starts)):
        values[2 * row] = values[2 * row + 1] = 0
        if starts[row] < 0 or means_null(text, starts[row], ends[row], nulls, null_ends):
            states[row] = MISSING
            continue
        value, fraction, plain = _number(text, starts[row], ends[row])
        missing = scale - fraction
        if plain and missing >= 0 and abs(value) < powers[min(precision, DIGITS) - missing]:
            values[2 * row] = value * powers[missing]
            values[2 * row + 1] = -1 if value < 0 else 0
        else:
            states[row] = OTHER
    return states


@compiled
def floats(
    text: Bytes, starts: Places, ends: Places, nulls: Bytes, null_ends: Ints, values: Floats
) -> States:
    """Floats: the quotient of two whole numbers that are both floats is the float nearest to it."""
    states = np.zeros(len(starts), np.uint8)
    powers = np.ones(DIGITS + 1, np.float64)
    for i in range(DIGITS):
        powers[i + 1] = powers[i] * 10.0
    for row in range(len(starts)):
        values[row] = 0.0
        if starts[row] < 0 or means_null(text, starts[row], ends[row], nulls, null_ends):
            states[row] = MISSING
            continue
        value, fraction, plain = _number(text, starts[row], ends[row])
        if plain and abs(value) <= _EXACT:
            values[row] = np.float64(value) / powers[fraction]
        else:
            states[row] = OTHER
    return states


@compiled
def lengths(
    text: Bytes, starts: Places, ends: Places, nulls: Bytes, null_ends: Ints, offsets: Places
) -> States:
    """Where each text begins, and the last one ends, once all stand one after another."""
    states = np.zeros(len(starts), np.uint8)
    offsets[0] = 0
    for row in range(len(starts)):
        offsets[row + 1] = offsets[row]
        if starts[row] < 0 or means_null(text, starts[row], ends[row], nulls, null_ends):
            states[row] = MISSING
        else:
            offsets[row + 1] += ends[row] - starts[row]
    return states


@compiled
def texts(text: Bytes, starts: Places, offsets: Places, values: Bytes) -> None:
    """Texts one after another, as their `lengths` say."""
    for row in range(len(starts)):
        to, start = offsets[row], starts[row]
        for i in range(offsets[row + 1] - to):
            values[to + i] = text[start + i]
