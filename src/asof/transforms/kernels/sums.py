"""Exact sums over the rows that each label sees: of what has entered, less of what has left.

The sum of all rows before each position, or each so many, is taken once, and then serves all windows.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

from asof.storage.compiled import compiled
from asof.transforms.kernels.exact import Floats, Numbers, greatest_size, halves
from asof.transforms.kernels.instants import Ints, read_only
from asof.transforms.kernels.stays import Stays
from asof.transforms.kernels.wide import LEAST_POWER, SIZE_BITS, add_float, deviation, limbs_for, nearest

_BLOCK = 32
"""After how many rows the sum of floats so far is kept."""


class WholeNumbers:
    """Whole numbers to be summed, one for each row: int64, or Python's int as objects."""

    def __init__(self, values: Numbers) -> None:
        self._values = values

    def sums(self, stays: Stays) -> Numbers:
        """For each label the sum of what it sees; as objects where int64 might not hold them."""
        if self._greatest * int(stays.sizes.max(initial=1)) < 2**63:
            return self._own.sums(stays)
        parts = [part.sums(stays).astype(object) * weight for part, weight in self._parts]
        return np.sum(parts, axis=0)

    @cached_property
    def _greatest(self) -> int:
        return greatest_size(self._values)

    @cached_property
    def _own(self) -> _Column:
        return _Column(self._values.astype(np.int64))

    @cached_property
    def _parts(self) -> list[tuple[_Column, int]]:
        return [(_Column(part), weight) for part, weight in halves(self._values)]


class _Column:
    """int64 numbers; their running sums may overflow and come back, differences of them don't."""

    def __init__(self, values: Ints) -> None:
        self._values = values

    def sums(self, stays: Stays) -> Ints:
        return self._before(stays.entering, stays.entered) - self._before(stays.leaving, stays.left)

    def _before(self, order: Ints | None, positions: Ints) -> Ints:
        return (self._running if order is None else _running(self._values[order]))[positions]

    @cached_property
    def _running(self) -> Ints:
        return _running(self._values)


class FloatNumbers:
    """Floats to be summed, one for each row, none of them NaN."""

    def __init__(self, values: Floats) -> None:
        infinite = np.isinf(values)
        self._infinite = {}
        if infinite.any():
            self._infinite = {sign: _Column((values == sign).astype(np.int64)) for sign in (np.inf, -np.inf)}
            values = np.where(infinite, 0.0, values)
        self._bits = read_only(values.view(np.int64))

    def sums(self, stays: Stays) -> Floats:
        """For each label the float nearest to the exact sum of what it sees, ties to even.

        Beyond the greatest float it is infinite, as is the sum of an infinite number and finite ones;
        that of both infinities is NaN.
        """
        found = _nearest(self._totals.sums(stays), self._power)
        for sign, column in self._infinite.items():
            with np.errstate(invalid="ignore"):
                found[column.sums(stays) > 0] += sign
        return found

    def deviations(self, stays: Stays) -> Floats:
        """For each label the standard deviation of what it sees: NaN of one number or an infinite one."""
        found = _deviations(
            self._totals.sums(stays), self._squares.sums(stays), read_only(stays.sizes), self._power
        )
        for column in self._infinite.values():
            found[column.sums(stays) > 0] = np.nan
        return found

    @cached_property
    def _exponents(self) -> tuple[int, int]:
        return _exponents(self._bits)

    @property
    def _power(self) -> int:
        return self._exponents[0] + LEAST_POWER

    @cached_property
    def _totals(self) -> _Wide:
        return _Wide(self._bits, *self._exponents, squared=False)

    @cached_property
    def _squares(self) -> _Wide:
        return _Wide(self._bits, *self._exponents, squared=True)


class _Wide:
    """Sums of floats, or of their squares, as wide whole numbers."""

    def __init__(self, bits: Ints, lowest: int, highest: int, *, squared: bool) -> None:
        self._bits, self._lowest, self._squared = bits, lowest, squared
        self._limbs = limbs_for(highest - lowest, squared)

    def sums(self, stays: Stays) -> Ints:
        """For each label the sum of what it sees, one row of limbs each."""
        sums = np.zeros((len(stays.first), self._limbs), np.int64)
        if stays.entering is None and stays.leaving is None:
            self._add(sums, None, stays.left, stays.entered, 1)
        else:
            self._add(sums, stays.entering, stays.first, stays.entered, 1)
            self._add(sums, stays.leaving, stays.first, stays.left, -1)
        return sums

    def _add(self, sums: Ints, order: Ints | None, starts: Ints, ends: Ints, sign: int) -> None:
        bits = self._bits if order is None else read_only(self._bits[order])
        blocks = self._blocks if order is None else self._before_blocks(bits)
        _add_between(
            sums, bits, blocks, read_only(starts), read_only(ends), self._lowest, self._squared, sign
        )

    @cached_property
    def _blocks(self) -> Ints:
        return self._before_blocks(self._bits)

    def _before_blocks(self, bits: Ints) -> Ints:
        return _before_blocks(bits, self._limbs, self._lowest, self._squared)


def _running(values: Ints) -> Ints:
    return np.concatenate([[0], np.cumsum(values)])


@compiled
def _exponents(bits: Ints) -> tuple[int, int]:
    """The least and the greatest biased exponent of the floats, zeros left out, those below normal as 1."""
    lowest, highest = 0x7FF, 1
    for i in range(len(bits)):
        if bits[i] << 1:
            exponent = max((bits[i] >> SIZE_BITS) & 0x7FF, 1)
            lowest, highest = min(lowest, exponent), max(highest, exponent)
    return min(lowest, highest), highest


@compiled
def _before_blocks(bits: Ints, limbs: int, lowest: int, squared: bool) -> Ints:
    """For each block of rows the sum of all before it."""
    before = np.zeros((len(bits) // _BLOCK + 1, limbs), np.int64)
    running = np.zeros(limbs, np.int64)
    for block in range(1, len(before)):
        for row in range((block - 1) * _BLOCK, block * _BLOCK):
            add_float(running, bits[row], lowest, squared, 1)
        before[block] = running
    return before


@compiled
def _add_between(
    sums: Ints, bits: Ints, blocks: Ints, starts: Ints, ends: Ints, lowest: int, squared: bool, sign: int
) -> None:
    """Add to each row of `sums` `sign` times the floats from `starts` to before `ends`."""
    for label in range(len(sums)):
        start, end = starts[label], ends[label]
        first, last = start // _BLOCK, end // _BLOCK
        limbs = sums[label]
        if last - first > 1:
            for row in range(first * _BLOCK, start):
                add_float(limbs, bits[row], lowest, squared, -sign)
            for i in range(len(limbs)):
                limbs[i] += sign * (blocks[last, i] - blocks[first, i])
            start = last * _BLOCK
        for row in range(start, end):
            add_float(limbs, bits[row], lowest, squared, sign)


@compiled
def _nearest(sums: Ints, power: int) -> Floats:
    found = np.empty(len(sums))
    for label in range(len(sums)):
        found[label] = nearest(sums[label], power)
    return found


@compiled
def _deviations(totals: Ints, squares: Ints, sizes: Ints, power: int) -> Floats:
    found = np.full(len(sizes), np.nan)
    for label in range(len(sizes)):
        if sizes[label] > 1:
            found[label] = deviation(totals[label], squares[label], sizes[label], power)
    return found
