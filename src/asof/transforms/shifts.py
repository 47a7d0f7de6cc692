"""How far the distribution of a column's values has shifted, told from what is kept of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from asof.transforms.sketches.frequent import Frequent
from asof.transforms.statistics import ColumnStatistics

FEWEST = 100
"""New values from which on their distribution is judged; of fewer it is chance."""
_GROUPS = 10  # of the values before, about equally many in each
_LEAST = 1e-4  # the share that stands for none, as is usual with the index


@dataclass(frozen=True)
class Shift:
    """The population stability index (0.1 is a small shift, 0.25 a large one) and the greatest
    difference between the shares of values up to one (Kolmogorov and Smirnov).
    """

    psi: float
    ks: float


def shift_between(old: ColumnStatistics, now: ColumnStatistics, *, grown: bool = False) -> Shift | None:
    """How far the values of `now` are from those of `old`; None where there are too few to tell.

    Where `now` has `grown` out of `old` only its new values are compared.
    """
    counts = _in_buckets(old, now, grown) if old.buckets else _by_value(old.frequent, now.frequent, grown)
    if counts is None or min(each.sum() for each in counts) < FEWEST:
        return None
    groups = counts if old.buckets is None else _grouped(*counts)
    return Shift(_psi(*groups), _ks(*counts))


def _in_buckets(
    old: ColumnStatistics, now: ColumnStatistics, grown: bool
) -> tuple[np.ndarray, np.ndarray] | None:
    if old.buckets is None or now.buckets is None:
        return None
    new = now.buckets.without(old.buckets) if grown else now.buckets
    level = max(old.buckets.level, new.level)
    before, after = old.buckets.coarse(level), new.coarse(level)
    at = np.union1d(before.at, after.at)
    counts = np.zeros((2, len(at)), np.int64)
    for row, each in enumerate((before, after)):
        counts[row, np.searchsorted(at, each.at)] = each.counts
    return counts[0], counts[1]


def _by_value(
    old: Frequent | None, now: Frequent | None, grown: bool
) -> tuple[np.ndarray, np.ndarray] | None:
    if old is None or now is None:
        return None
    before, after = dict(old.counts), dict(now.counts)
    values = list(dict.fromkeys([*before, *after]))
    first = np.array([before.get(value, 0) for value in values], np.int64)
    second = np.array([after.get(value, 0) for value in values], np.int64)
    return first, np.maximum(second - first, 0) if grown else second


def _grouped(before: np.ndarray, after: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Buckets in groups, in each of which about equally many of the values before are."""
    through = (np.cumsum(before) - before / 2) / before.sum()
    group = np.minimum((through * _GROUPS).astype(np.int64), _GROUPS - 1)
    one, other = (np.bincount(group, weights=each, minlength=_GROUPS) for each in (before, after))
    return one, other


def _psi(before: np.ndarray, after: np.ndarray) -> float:
    old, new = (np.maximum(each / each.sum(), _LEAST) for each in (before, after))
    return float(np.sum((new - old) * np.log(new / old)))


def _ks(before: np.ndarray, after: np.ndarray) -> float:
    old, new = (np.cumsum(each) / each.sum() for each in (before, after))
    return float(np.max(np.abs(old - new)))
