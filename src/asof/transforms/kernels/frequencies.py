"""How often each value lies in a window: the different ones, and the most frequent.

Values are given by their ranks, 0 to before `kinds`, one for each row in the order of entering
(`come`) and of leaving (`gone`).
"""

from __future__ import annotations

import numpy as np

from asof.storage.compiled import compiled
from asof.transforms.kernels.instants import Ints
from asof.transforms.kernels.stays import Stays

NONE = -1


def count_different(ranks: Ints, kinds: int, stays: Stays) -> Ints:
    """For each label how many different values it sees."""
    counts = np.zeros(len(stays.first), np.int64)
    labels, edges = stays.sweep()
    counts[labels] = _count_different(*_passing_by(ranks, stays), kinds, *edges)
    return counts


def most_frequent(ranks: Ints, kinds: int, stays: Stays, most: int) -> Ints:
    """For each label a row of its `most` most frequent values, of equally frequent the least, then NONE."""
    found = np.full((len(stays.first), most), NONE)
    labels, edges = stays.sweep()
    found[labels] = _most_frequent(*_passing_by(ranks, stays), kinds, *edges, most)
    return found


def _passing_by(ranks: Ints, stays: Stays) -> tuple[Ints, Ints]:
    come, gone = (ranks if order is None else ranks[order] for order in (stays.entering, stays.leaving))
    return come, gone


@compiled
def _count_different(come: Ints, gone: Ints, kinds: int, first: Ints, entered: Ints, left: Ints) -> Ints:
    found = np.empty(len(first), np.int64)
    counts = np.zeros(kinds, np.int64)
    run, coming, going, different = -1, -1, -1, 0
    for label in range(len(first)):
        if first[label] != run:
            for i in range(run, coming):
                counts[come[i]] = 0
            run, coming, going, different = first[label], first[label], first[label], 0
        for i in range(coming, entered[label]):
            different += counts[come[i]] == 0
            counts[come[i]] += 1
        for i in range(going, left[label]):
            counts[gone[i]] -= 1
            different -= counts[gone[i]] == 0
        coming, going = entered[label], left[label]
        found[label] = different
    return found


@compiled
def _most_frequent(
    come: Ints, gone: Ints, kinds: int, first: Ints, entered: Ints, left: Ints, most: int
) -> Ints:
    """By a tree over the ranks in which each node has the greater count of its two."""
    found = np.full((len(first), most), NONE)
    leaves = 1
    while leaves < kinds:
        leaves *= 2
    tree = np.zeros(2 * leaves, np.int64)
    run, coming, going = -1, -1, -1
    for label in range(len(first)):
        if first[label] != run:
            for i in range(run, coming):
                _set(tree, leaves + come[i], 0)
            run, coming, going = first[label], first[label], first[label]
        for i in range(coming, entered[label]):
            _set(tree, leaves + come[i], tree[leaves + come[i]] + 1)
        for i in range(going, left[label]):
            _set(tree, leaves + gone[i], tree[leaves + gone[i]] - 1)
        coming, going = entered[label], left[label]
        _take_greatest(tree, leaves, found[label])
    return found


@compiled
def _take_greatest(tree: Ints, leaves: int, found: Ints) -> None:
    """The leaves with the greatest counts, the first of equals first, as many as there are and fit."""
    counts = np.empty(len(found), np.int64)
    taken = 0
    while taken < len(found) and tree[1] > 0:
        counts[taken] = tree[1]
        node = 1
        while node < leaves:
            node = 2 * node + (tree[2 * node] < tree[1])
        found[taken] = node - leaves
        _set(tree, node, 0)
        taken += 1
    for i in range(taken):
        _set(tree, leaves + found[i], counts[i])


@compiled
def _set(tree: Ints, node: int, count: int) -> None:
    tree[node] = count
    while node > 1:
        node //= 2
        tree[node] = max(tree[2 * node], tree[2 * node + 1])
