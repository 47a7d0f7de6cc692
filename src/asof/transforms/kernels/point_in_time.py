"""The point-in-time join: for each label the one row that held at its cut-off."""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heappop, heappush

import numpy as np
import pyarrow as pa

from asof.features.durations import Duration
from asof.storage.compiled import compiled
from asof.transforms.kernels.instants import Ints, read_only, shifted_back
from asof.transforms.kernels.timeline import Timeline

NO_ROW = -1

_STEPS = 64
"""How many hidden rows are stepped over one by one."""
_TOO_FAR = -2


def latest(timeline: Timeline, ttl: Duration | None = None) -> Ints:
    """For each label the index into `rows` of the row that holds at its cut-off, or NO_ROW.

    That is the row with the label's key and the greatest event time `e` such that `e <= t`
    (`e < t` where strict), `e >= t - ttl`, and which is known at `t`; ties go to the greatest
    known-from time, then to the greatest sequence.
    """
    first, end = timeline.lifetime(ttl)
    last = end - 1
    if timeline.hides:
        known = timeline.known_from, timeline.known_until
        last = _last_known(*known, timeline.cutoffs, first, end)
        if (far := np.flatnonzero(last == _TOO_FAR)).size:
            last[far] = _last_in_sweep(timeline, far)
    found = last >= first
    rows = np.full(len(last), NO_ROW, np.int64)
    rows[found] = timeline.order[last[found]]
    return rows


def attributes(
    timeline: Timeline, rows: pa.Table, columns: Sequence[str], ttl: Duration | None = None
) -> pa.Table:
    """The `columns` of the row that holds for each label, after its `_event_time`; nulls where none."""
    found = latest(timeline, ttl)
    return rows.select(["_event_time", *columns]).take(pa.array(found, mask=found == NO_ROW))


@compiled
def _last_known(known_from: Ints, known_until: Ints, cutoffs: Ints, first: Ints, end: Ints) -> Ints:
    """For each label its last known position from `first` to before `end`, else NO_ROW.

    _TOO_FAR where that takes more than `_STEPS`.
    """
    found = np.full(len(cutoffs), NO_ROW, np.int64)
    for label in range(len(cutoffs)):
        least = max(first[label], end[label] - _STEPS)
        position = end[label] - 1
        while position >= least and not known_from[position] <= cutoffs[label] < known_until[position]:
            position -= 1
        if position >= least:
            found[label] = position
        elif least > first[label]:
            found[label] = _TOO_FAR
    return found


def _last_in_sweep(timeline: Timeline, labels: Ints) -> Ints:
    """For each of `labels` the last position of its key that it sees, however far down; else NO_ROW."""
    order = np.lexsort([timeline.cutoffs[labels], timeline.first[labels]])
    sorted_labels = labels[order]
    seen_from = np.maximum(timeline.known_from, shifted_back(timeline.times, -timeline.strict))
    last = np.empty(len(labels), np.int64)
    last[order] = _swept(
        read_only(seen_from),
        timeline.known_until,
        *(read_only(of[sorted_labels]) for of in (timeline.cutoffs, timeline.first, timeline.end)),
    )
    return last


@compiled
def _swept(seen_from: Ints, known_until: Ints, cutoffs: Ints, first: Ints, end: Ints) -> Ints:
    """For each label, ordered by key and cut-off, the last position from `first` to before `end`
    with `seen_from <= cutoff < known_until`, else NO_ROW.

    Sweeps over time and keeps the rows of a key that are seen in a heap, so that each comes and goes
    once, whatever the number of labels.
    """
    found = np.full(len(cutoffs), NO_ROW, np.int64)
    label = 0
    while label < len(cutoffs):
        start = first[label]
        coming = start + np.argsort(seen_from[start : end[label]])
        came = 0
        seen = [0 for _ in range(0)]
        while label < len(cutoffs) and first[label] == start:
            while came < len(coming) and seen_from[coming[came]] <= cutoffs[label]:
                heappush(seen, -coming[came])
                came += 1
            while len(seen) > 0 and known_until[-seen[0]] <= cutoffs[label]:
                heappop(seen)
            if len(seen) > 0:
                found[label] = -seen[0]
            label += 1
    return found
