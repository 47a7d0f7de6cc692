"""Whole numbers of any width, for sums of floats without any rounding.

A float is a whole number of 53 bits times a power of two, so a sum of floats is exactly a whole number
times the least of their powers. It is kept as limbs of 32 bits, the lowest first, each in an int64
that takes in the carries of 2^31 additions before they are moved on.
"""

from __future__ import annotations

import math

import numpy as np

from asof.storage.compiled import compiled
from asof.transforms.kernels.instants import Ints

SIZE_BITS = 52
LEAST_POWER = -1075
"""A float with the biased exponent e is its size x 2^(e + LEAST_POWER); subnormals have that of e = 1."""

_LIMB = 32
_MASK = (1 << _LIMB) - 1
_HALF = 27


def limbs_for(exponents: int, squared: bool) -> int:
    """How many limbs hold floats, or their squares, whose exponents are apart by as many."""
    greatest = 2 * (exponents + _HALF) if squared else exponents
    return greatest // _LIMB + 4


@compiled
def add(limbs: Ints, size: int, shift: int) -> None:
    """Add `size` x 2^shift, where `size` has at most 62 bits."""
    at, by = shift >> 5, shift & 31
    rest = size >> (_LIMB - by)
    limbs[at] += (size << by) & _MASK
    limbs[at + 1] += rest & _MASK
    limbs[at + 2] += rest >> _LIMB


@compiled
def add_float(limbs: Ints, bits: int, lowest: int, squared: bool, sign: int) -> None:
    """Add `sign` times the float with these `bits`, or its square, in units of the `lowest` exponent."""
    exponent = max((bits >> SIZE_BITS) & 0x7FF, 1)
    size = bits & ((1 << SIZE_BITS) - 1)
    if bits & (0x7FF << SIZE_BITS):
        size |= 1 << SIZE_BITS
    if size == 0:
        return
    shift = exponent - lowest
    if squared:
        high, low = size >> _HALF, size & ((1 << _HALF) - 1)
        add(limbs, sign * high * high, 2 * shift + 2 * _HALF)
        add(limbs, sign * 2 * high * low, 2 * shift + _HALF)
        add(limbs, sign * low * low, 2 * shift)
    else:
        add(limbs, -sign * size if bits < 0 else sign * size, shift)


@compiled
def carry(limbs: Ints) -> None:
    """Move carries on, so that each limb but the last has 32 bits; the last has the sign."""
    moved = 0
    for i in range(len(limbs) - 1):
        limb = limbs[i] + moved
        limbs[i] = limb & _MASK
        moved = limb >> _LIMB
    limbs[-1] += moved


@compiled
def make_positive(limbs: Ints) -> bool:
    """Move carries on and drop the sign; whether it was a minus."""
    carry(limbs)
    if limbs[-1] >= 0:
        return False
    limbs[:] = -limbs
    carry(limbs)
    return True


@compiled
def leading(limbs: Ints) -> tuple[float, int]:
    """The nearest number of 53 bits, ties to even, and the power of two that goes with it."""
    top = len(limbs) - 1
    while top > 2 and limbs[top] == 0:
        top -= 1
    if limbs[top] == 0 and limbs[top - 1] == 0:
        return float(limbs[top - 2]), _LIMB * (top - 2)
    if limbs[top] == 0:
        top -= 1
    return _rounded(limbs, top)


@compiled
def _rounded(limbs: Ints, top: int) -> tuple[float, int]:
    used = 0
    while limbs[top] >> used:
        used += 1
    word = np.uint64(limbs[top]) << np.uint64(64 - used)
    word |= np.uint64(limbs[top - 1]) << np.uint64(_LIMB - used)
    below = np.int64(0)
    if top > 1:
        word |= np.uint64(limbs[top - 2]) >> np.uint64(used)
        below = limbs[top - 2] & ((1 << used) - 1)
    for i in range(top - 2):
        below |= limbs[i]
    size, cut = np.int64(word >> np.uint64(11)), np.int64(word & np.uint64(0x7FF))
    if cut > 0x400 or (cut == 0x400 and (below or size & 1)):
        size += 1
    return float(size), _LIMB * top + used - 53


@compiled
def nearest(limbs: Ints, power: int) -> float:
    """The float nearest to the number x 2^power; infinite beyond the greatest."""
    minus = make_positive(limbs)
    size, more = leading(limbs)
    return math.ldexp(-size if minus else size, power + more)


@compiled
def deviation(total: Ints, squares: Ints, count: int, power: int) -> float:
    """The standard deviation of `count` numbers whose total is given in 2^power, its squares in 2^(2 power).

    That is sqrt((count x squares - total^2) / (count x (count - 1))), rounded after each operation on a
    numerator that is exact.
    """
    make_positive(total)
    carry(squares)
    numerator = np.zeros(max(2 * len(total), len(squares)) + 2, np.int64)
    for i in range(len(squares)):
        numerator[i] = count * squares[i]
    carry(numerator)
    _subtract_square(numerator, total)
    size, more = leading(numerator)
    more += 2 * power
    if more & 1:
        size, more = 2 * size, more - 1
    return math.ldexp(math.sqrt(size / (float(count) * float(count - 1))), more // 2)


@compiled
def _subtract_square(limbs: Ints, root: Ints) -> None:
    for i in range(len(root)):
        moved = np.uint64(0)
        for j in range(len(root)):
            product = np.uint64(root[i]) * np.uint64(root[j]) + moved
            limbs[i + j] -= np.int64(product & np.uint64(_MASK))
            moved = product >> np.uint64(_LIMB)
        limbs[i + len(root)] -= np.int64(moved)
    carry(limbs)
