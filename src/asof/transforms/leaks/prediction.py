"""How well each feature alone tells the outcome, so surely that it is not by chance."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from asof.storage.hashing import Words
from asof.transforms.kernels.instants import Ints
from asof.transforms.leaks.bounds import independent, lower_bound
from asof.transforms.leaks.codes import binned, floats
from asof.transforms.sketches.places import Floats

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Prediction:
    """The area under the ROC curve when rows are ranked by a feature, and the least that it may really be."""

    auc: float
    bound: float


def predictions(
    rows: pa.Table, features: Sequence[str], positive: Mask, entities: Words, times: Ints
) -> dict[str, Prediction]:
    """For each feature how well it tells which rows are `positive`.

    Rows are ranked by the feature's values, nulls first or last, in either direction; and by how often
    rows with about that value are positive among the other half of the entities, which finds categories,
    nulls that tell, and values that tell without an order. What is best counts.

    Rows in a row of one entity that have the same outcome count as one: they may well have one cause.
    """
    count = evidence(positive, entities, times)
    half = (entities & np.uint64(1)).astype(bool)
    best = {name: max(_aucs(rows[name], positive, half), default=0.5) for name in features}
    return {name: Prediction(auc, lower_bound(auc, count)) for name, auc in best.items()}


def evidence(positive: Mask, entities: Words, times: Ints) -> float:
    """How many independent rows there are of the rarer outcome."""
    order = np.lexsort([times, entities])
    changes = (np.diff(entities[order], prepend=0) != 0) | (np.diff(positive[order], prepend=False) != 0)
    runs, ordered = np.cumsum(changes), positive[order]
    return min(independent(runs[ordered]), independent(runs[~ordered]))


def auc(scores: Floats, positive: Mask) -> float:
    """How often of a pair the positive row has the higher score, equal ones count half (Mann, Whitney 1947).

    >>> auc(np.array([0.1, 0.4, 0.35, 0.8]), np.array([False, False, True, True]))
    0.75
    """
    _, place, sizes = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = np.cumsum(sizes) - (sizes - 1) / 2
    of_positive = int(positive.sum())
    of_others = len(positive) - of_positive
    if not of_positive or not of_others:
        return 0.5
    above = ranks[place.reshape(-1)][positive].sum() - of_positive * (of_positive + 1) / 2
    return float(above / (of_positive * of_others))


def _aucs(column: pa.ChunkedArray, positive: Mask, half: Mask) -> Iterator[float]:
    numbers = floats(column)
    if numbers is not None:
        for nulls in (-np.inf, np.inf) if np.isnan(numbers).any() else (0.0,):
            found = auc(np.where(np.isnan(numbers), nulls, numbers), positive)
            yield max(found, 1 - found)
    yield _by_rates(binned(column), positive, half)


def _by_rates(groups: Ints, positive: Mask, half: Mask) -> float:
    """The mean over both halves, each ranked by how often the groups are positive in the other."""
    found = [
        auc(_rates(groups, positive, learnt)[groups[~learnt]], positive[~learnt]) for learnt in (half, ~half)
    ]
    return float(np.mean(found))


def _rates(groups: Ints, positive: Mask, learnt: Mask) -> Floats:
    """How often each group is positive among the rows that are learnt from; the mean of all for others."""
    most = int(groups.max(initial=0)) + 1
    rows = np.bincount(groups[learnt], minlength=most)
    positives = np.bincount(groups[learnt], weights=positive[learnt], minlength=most)
    mean = positive[learnt].mean() if learnt.any() else 0.5
    rates: Floats = (positives + mean) / (rows + 1)
    return rates
