"""Sorting rows key by key and in time; those that are nearly in order cost little."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from asof.storage.compiled import compiled

Ints = npt.NDArray[np.int64]

_RUN = 32  # rows sorted by insertion, which is quickest for few and for those nearly in order


@compiled
def before(row: int, other: int, times: Ints, known_from: Ints, sequence: Ints) -> bool:
    """Whether a row comes before another of its key: in time, ties by known-from time, then sequence."""
    if times[row] != times[other]:
        return bool(times[row] < times[other])
    if known_from[row] != known_from[other]:
        return bool(known_from[row] < known_from[other])
    return bool(sequence[row] < sequence[other])


@compiled
def grouped(codes: Ints, groups: int) -> tuple[Ints, Ints]:
    """The rows group by group, each group's as they come, and where the groups start; no negatives."""
    starts = np.zeros(groups + 1, np.int64)
    for code in codes:
        if code >= 0:
            starts[code + 1] += 1
    starts = np.cumsum(starts)
    order = np.empty(starts[groups], np.int64)
    free = starts[:groups].copy()
    for row in range(len(codes)):
        if codes[row] >= 0:
            order[free[codes[row]]] = row
            free[codes[row]] += 1
    return order, starts


@compiled
def sort_each(order: Ints, starts: Ints, times: Ints, known_from: Ints, sequence: Ints) -> None:
    """Sort each group of `order`, in place: short runs by insertion, then by merging ever longer ones."""
    spare = np.empty_like(order)
    for group in range(len(starts) - 1):
        first, last = starts[group], starts[group + 1]
        for start in range(first, last, _RUN):
            _insert(order, start, min(start + _RUN, last), times, known_from, sequence)
        width = _RUN
        while width < last - first:
            for start in range(first, last - width, 2 * width):
                end = min(start + 2 * width, last)
                _merge(order, start, start + width, end, spare, times, known_from, sequence)
            width *= 2


@compiled
def _insert(order: Ints, start: int, end: int, times: Ints, known_from: Ints, sequence: Ints) -> None:
    for position in range(start + 1, end):
        row, place = order[position], position
        while place > start and before(row, order[place - 1], times, known_from, sequence):
            order[place] = order[place - 1]
            place -= 1
        order[place] = row


@compiled
def _merge(
    order: Ints,
    start: int,
    middle: int,
    end: int,
    spare: Ints,
    times: Ints,
    known_from: Ints,
    sequence: Ints,
) -> None:
    if not before(order[middle], order[middle - 1], times, known_from, sequence):
        return
    while not before(order[middle], order[start], times, known_from, sequence):
        start += 1
    spare[start:middle] = order[start:middle]
    left, right = start, middle
    for position in range(start, end):
        if left == middle:
            return
        if right < end and before(order[right], spare[left], times, known_from, sequence):
            order[position] = order[right]
            right += 1
        else:
            order[position] = spare[left]
            left += 1
