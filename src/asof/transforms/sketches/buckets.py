"""How values are distributed: counts of them in buckets, finer where that takes few buckets.

A bucket of level `l` holds the values whose places agree in all but the last `l` bits, so that two
buckets of one level become one of the next. Which level is kept depends on the values alone, not on how
they were cut into parts: merged sketches are the sketch of all values together, to the last count.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from asof.storage.compiled import compiled
from asof.transforms.sketches.places import Floats, Places, of_numbers, place_of, to_numbers

MOST = 256
"""Buckets of a sketch."""
_NUMBERS_LEVEL = 47  # 32 buckets from a number to its double
_DENSE = 1 << 17  # buckets while counting


@dataclass(frozen=True, eq=False)
class Buckets:
    """Counts of values by bucket, in order; `low` and `high` are the places of the least and greatest.

    `numbers` says whether places are made from doubles, else they are the values themselves.
    """

    numbers: bool
    level: int
    low: int
    high: int
    at: Places
    counts: Places

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Buckets) and self.to_json() == other.to_json()

    @property
    def total(self) -> int:
        return int(self.counts.sum())

    def merged(self, other: Buckets) -> Buckets:
        """The buckets of both together."""
        low, high = min(self.low, other.low), max(self.high, other.high)
        level = max(self.level, other.level, _least_level(self.numbers, low, high))
        one, two = self.coarse(level), other.coarse(level)
        at, counts = _summed(np.concatenate([one.at, two.at]), np.concatenate([one.counts, two.counts]))
        return _fitting(Buckets(self.numbers, level, low, high, at, counts))

    def without(self, part: Buckets) -> Buckets:
        """The buckets of the values that are not in `part`, one of the parts that these were merged from."""
        fewer = part.coarse(self.level)
        counts = self.counts.copy()
        counts[np.searchsorted(self.at, fewer.at)] -= fewer.counts
        left = counts > 0
        return Buckets(self.numbers, self.level, self.low, self.high, self.at[left], counts[left])

    def coarse(self, level: int) -> Buckets:
        """The same values in buckets of this level, not below that of these."""
        at, counts = _summed(self.at >> (level - self.level), self.counts)
        return Buckets(self.numbers, level, self.low, self.high, at, counts)

    def bounds(self) -> tuple[Floats, Floats]:
        """From where to where each bucket goes; the outer ones end at the least and greatest value."""
        starts = np.maximum(self.at << self.level, self.low)
        ends = np.minimum((self.at << self.level) + ((1 << self.level) - 1), self.high)
        return self._values(starts), self._values(ends)

    def quantiles(self, shares: Sequence[float]) -> list[float]:
        """About which values these shares of all are at most; in a bucket they are taken as spread evenly."""
        starts, ends = self.bounds()
        through = np.cumsum(self.counts)
        return [self._quantile(share * self.total, through, starts, ends) for share in shares]

    def to_json(self) -> dict[str, Any]:
        """As JSON data: buckets by their distance from the one before."""
        return {
            "numbers": self.numbers,
            "level": self.level,
            "low": self.low,
            "high": self.high,
            "at": np.diff(self.at, prepend=0).tolist(),
            "counts": self.counts.tolist(),
        }

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> Buckets:
        """What `to_json` gave."""
        at = np.cumsum(np.array(given["at"], np.int64))
        scale = given["numbers"], given["level"], given["low"], given["high"]
        return cls(*scale, at, np.array(given["counts"], np.int64))

    def _values(self, places: Places) -> Floats:
        return to_numbers(places) if self.numbers else places.astype(np.float64)

    def _quantile(self, rank: float, through: Places, starts: Floats, ends: Floats) -> float:
        bucket = min(int(np.searchsorted(through, rank)), len(through) - 1)
        inside = 1 - (through[bucket] - rank) / self.counts[bucket]
        return float(starts[bucket] + max(inside, 0.0) * (ends[bucket] - starts[bucket]))


def buckets(values: Floats | Places) -> Buckets | None:
    """The buckets of numbers, none of them NaN, or of times given by their places; None of no values."""
    if not len(values):
        return None
    ends, numbers = np.array([values.min(), values.max()]), values.dtype == np.float64
    low, high = (of_numbers(ends) if numbers else ends).tolist()
    level = _least_level(numbers, low, high)
    first = low >> level
    count: Callable[..., Places] = _count_numbers if numbers else _count
    counts = count(values, level, first, (high >> level) - first + 1)
    at = np.flatnonzero(counts)
    return _fitting(Buckets(numbers, level, low, high, at + first, counts[at]))


def _least_level(numbers: bool, low: int, high: int) -> int:
    """The level at which counting begins: as many buckets as it takes then can be held."""
    if numbers:
        return _NUMBERS_LEVEL
    return max((high - low).bit_length() - (_DENSE.bit_length() - 2), 0)


def _fitting(fine: Buckets) -> Buckets:
    while len(fine.at) > MOST:
        fine = fine.coarse(fine.level + 1)
    return fine


def _summed(at: Places, counts: Places) -> tuple[Places, Places]:
    """Each bucket once, in order, with all its counts."""
    order = np.argsort(at, kind="stable")
    at, counts = at[order], counts[order]
    starts = np.flatnonzero(np.diff(at, prepend=at[:1] - 1))
    return at[starts], np.add.reduceat(counts, starts) if len(starts) else counts


@compiled
def _count(places: Places, level: int, first: int, size: int) -> Places:
    counts = np.zeros(size, np.int64)
    for i in range(len(places)):
        counts[(places[i] >> level) - first] += 1
    return counts


@compiled
def _count_numbers(numbers: Floats, level: int, first: int, size: int) -> Places:
    counts, bits = np.zeros(size, np.int64), numbers.view(np.int64)
    for i in range(len(numbers)):
        counts[(place_of(bits[i]) >> level) - first] += 1
    return counts
