"""Which of the rows that a label sees is its least, or its latest."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush

import numpy as np

from asof.storage.compiled import compiled
from asof.transforms.kernels.exact import Numbers
from asof.transforms.kernels.instants import Ints, read_only
from asof.transforms.kernels.stays import Stays

NONE = -1


def least(keys: Numbers, stays: Stays) -> Ints:
    """For each label the position of a row with the least of the `keys` (one for each row), or NONE."""
    found = np.full((len(stays.first), 1), NONE)
    labels, edges = stays.sweep(stays.settled)
    found[labels, 0] = _least_between(read_only(keys), *edges)
    return _with_unsettled(found, lambda rows: keys, stays)[:, 0]


def oldest(stays: Stays) -> Ints:
    """For each label the position of the first row that it sees, or NONE."""
    found = np.where(stays.some, stays.left, NONE)
    return _with_unsettled(found[:, None], lambda rows: rows, stays)[:, 0]


def newest(stays: Stays, most: int = 1) -> Ints:
    """For each label a row of the positions of the last rows that it sees, the last first, then NONE."""
    found = stays.entered[:, None] - 1 - np.arange(most)
    found[found < stays.left[:, None]] = NONE
    return _with_unsettled(found, lambda rows: -rows, stays)


def _with_unsettled(found: Ints, keys: Callable[[Ints], Numbers], stays: Stays) -> Ints:
    """What was `found` for settled labels, and for the others the rows with the least keys."""
    orders = [order for order in (stays.entering, stays.leaving) if order is not None]
    if orders:
        own = np.arange(len(orders[0]))
        entering, leaving = (own if order is None else order for order in (stays.entering, stays.leaving))
        labels, edges = stays.sweep(~stays.settled)
        found[labels] = _least_present(read_only(keys(own)), entering, leaving, *edges, found.shape[1])
    return found


@compiled
def _least_between(keys: Numbers, first: Ints, entered: Ints, left: Ints) -> Ints:
    """For each label the position of the least key from `left` to before `entered`.

    The rows that may still be the least of a window are kept: each greater than the one before.
    """
    found = np.empty(len(first), np.int64)
    rising = np.empty(len(keys), np.int64)
    run, come, height = -1, -1, 0
    for label in range(len(first)):
        if first[label] != run:
            run, come, height = first[label], first[label], 0
        if left[label] > come:
            come, height = left[label], 0
        for row in range(come, entered[label]):
            while height and keys[rising[height - 1]] >= keys[row]:
                height -= 1
            rising[height] = row
            height += 1
        come = entered[label]
        found[label] = rising[np.searchsorted(rising[:height], left[label])]
    return found


@compiled
def _least_present(
    keys: Numbers, entering: Ints, leaving: Ints, first: Ints, entered: Ints, left: Ints, most: int
) -> Ints:
    """For each label the rows with the least keys that have entered and not left."""
    found = np.full((len(first), most), NONE)
    gone = np.zeros(len(keys), np.bool_)
    waiting = [(keys[0], entering[0]) for _ in range(0)]
    run, come, went = -1, -1, -1
    for label in range(len(first)):
        if first[label] != run:
            run, come, went = first[label], first[label], first[label]
            waiting.clear()
        for i in range(come, entered[label]):
            heappush(waiting, (keys[entering[i]], entering[i]))
        for i in range(went, left[label]):
            gone[leaving[i]] = True
        come, went = entered[label], left[label]
        count = 0
        while waiting and count < most:
            _, row = heappop(waiting)
            if not gone[row]:
                found[label, count] = row
                count += 1
        for row in found[label, :count]:
            heappush(waiting, (keys[row], row))
    return found
