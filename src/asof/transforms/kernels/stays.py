"""When rows enter and leave a window, and how many have done so at the cut-off of each label.

A row lies in a window from one moment on until before another: it enters when it has happened and
is known, and leaves when the window has passed it or it is revised. So what a label sees is what has
entered and not left, and as time goes by each row of a key enters once and leaves once, whatever
the number of labels. These are taken key by key and in time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pyarrow as pa

from asof.features.durations import Duration
from asof.storage.compiled import compiled
from asof.transforms.kernels.instants import Bools, Ints, read_only, shifted_back
from asof.transforms.kernels.timeline import Timeline


@dataclass(frozen=True, eq=False)
class Stays:
    """The stays of rows in one window, and for each label how many of its key's have begun and ended.

    `entering` and `leaving` are the rows of each key in the order in which they do, None for the order
    of the rows themselves. At the cut-off of label i the rows `entering[first[i]:entered[i]]` have
    entered, and of those `leaving[first[i]:left[i]]` have left. Labels are in order of key and cut-off.
    """

    cutoffs: Ints
    first: Ints
    entered: Ints
    left: Ints
    entering: Ints | None = None
    leaving: Ints | None = None

    @cached_property
    def sizes(self) -> Ints:
        """For each label how many rows it sees."""
        return self.entered - self.left

    @property
    def some(self) -> Bools:
        """The labels that see any."""
        return self.sizes > 0

    @cached_property
    def settled(self) -> Bools:
        """The labels that see all rows from position `left` to before `entered`, and no others."""
        return _in_place(self.entering, self.first, self.entered) & _in_place(
            self.leaving, self.first, self.left
        )

    def sweep(self, chosen: Bools | None = None) -> tuple[Ints, tuple[Ints, Ints, Ints]]:
        """The labels that see any (of the `chosen`), and their first, entered and left."""
        labels = np.flatnonzero(self.some if chosen is None else self.some & chosen)
        return labels, (self.first[labels], self.entered[labels], self.left[labels])

    def among(self, passing: Bools | None) -> Stays:
        """The stays of the rows that pass, counted among themselves; None: all do."""
        if passing is None:
            return self
        entering, in_order = _order_among(self.entering, passing)
        leaving, out_order = _order_among(self.leaving, passing)
        return replace(
            self,
            first=in_order[self.first],
            entered=in_order[self.entered],
            left=out_order[self.left],
            entering=entering,
            leaving=leaving,
        )


class Sight:
    """What the labels of a timeline see, window by window."""

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline
        order = _by_key_and_time(timeline)
        self._places = None if order is None else pa.array(np.argsort(order))
        labels = (timeline.cutoffs, timeline.first, timeline.end)
        self._cutoffs, self._first, self._end = (
            edge if order is None else read_only(edge[order]) for edge in labels
        )
        self._stays: dict[tuple[Duration | None, Duration], Stays] = {}
        self._ends: dict[int, Ints] = {}

    def in_their_order(self, values: pa.Array) -> pa.Array:
        """What was computed for the labels in the order of stays, in that of the timeline."""
        return values if self._places is None else values.take(self._places)

    def stays(self, window: Duration | None, offset: Duration) -> Stays:
        """The stays of the timeline's rows in a window."""
        if (window, offset) not in self._stays:
            stays = self._as_known if self._timeline.hides else self._as_happened
            self._stays[window, offset] = stays(window, offset)
        return self._stays[window, offset]

    def _as_happened(self, window: Duration | None, offset: Duration) -> Stays:
        line = self._timeline
        entered = self._happened(_until_past(line, offset))
        left = self._first if window is None else self._happened(_until_left(line, window, offset))
        return Stays(self._cutoffs, self._first, entered, left)

    def _happened(self, length: int) -> Ints:
        """For each label where its key's rows start that come later than so long before its cut-off."""
        if length not in self._ends:
            moments = read_only(shifted_back(self._cutoffs, length))
            self._ends[length] = _past(self._timeline.times, self._first, self._end, moments)
        return self._ends[length]

    def _as_known(self, window: Duration | None, offset: Duration) -> Stays:
        """As soon as rows are known, and until they are revised."""
        line = self._timeline
        starts = np.maximum(shifted_back(line.times, -_until_past(line, offset)), line.known_from)
        ends = line.known_until
        if window is not None:
            ends = np.minimum(shifted_back(line.times, -_until_left(line, window, offset)), ends)
        entering, entered = self._passed(starts)
        leaving, left = self._passed(np.maximum(starts, ends))
        return Stays(self._cutoffs, self._first, entered, left, entering, leaving)

    def _passed(self, moments: Ints) -> tuple[Ints | None, Ints]:
        """The rows of each key by their moments, and for each label where those after its cut-off start."""
        order, moved = _sorted_runs(moments, *self._runs)
        ordered = read_only(moments[order] if moved else moments)
        past = _past(ordered, self._first, self._end, self._cutoffs)
        return order if moved else None, past

    @cached_property
    def _runs(self) -> tuple[Ints, Ints]:
        """Where the rows of each key that is asked about start and end."""
        asked = self._end > self._first
        starts, at = np.unique(self._first[asked], return_index=True)
        return starts, self._end[asked][at]


def _by_key_and_time(line: Timeline) -> Ints | None:
    """The labels by key and cut-off, None where they are so."""
    first, cutoffs = line.first, line.cutoffs
    same_key = first[1:] == first[:-1]
    if ((first[1:] > first[:-1]) | (same_key & (cutoffs[1:] >= cutoffs[:-1]))).all():
        return None
    return np.lexsort((cutoffs, first))


def _until_past(line: Timeline, length: Duration) -> int:
    """The least count such that an instant that much later has passed `length`."""
    return length.ns // line.ns_per_count + 1 if line.strict else -(-length.ns // line.ns_per_count)


def _until_left(line: Timeline, window: Duration, offset: Duration) -> int:
    """The least count such that an instant that much later has an earlier one out of its window."""
    return -(-(offset.ns + window.ns) // line.ns_per_count)


def _in_place(order: Ints | None, first: Ints, passed: Ints) -> Bools:
    """Whether the first rows in an order, up to before `passed`, are the first of their key."""
    if order is None:
        return np.ones(len(first), bool)
    greatest = np.concatenate([[-1], np.maximum.accumulate(order)])
    return (passed == first) | (greatest[passed] == passed - 1)


def _order_among(order: Ints | None, passing: Bools) -> tuple[Ints | None, Ints]:
    """The order of the rows that pass alone, and how many pass before each position in it."""
    in_order = passing if order is None else passing[order]
    before = np.concatenate([[0], np.cumsum(in_order)])
    if order is None:
        return None, before
    return (np.cumsum(passing) - 1)[order[in_order]], before


@compiled
def _sorted_runs(moments: Ints, starts: Ints, ends: Ints) -> tuple[Ints, bool]:
    """Positions with each run sorted by its moments, ties kept; and whether any has moved."""
    order = np.arange(len(moments))
    moved = False
    for run in range(len(starts)):
        start, end = starts[run], ends[run]
        for i in range(start + 1, end):
            if moments[i] < moments[i - 1]:
                order[start:end] = start + np.argsort(moments[start:end], kind="mergesort")
                moved = True
                break
    return order, moved


@compiled
def _past(moments: Ints, first: Ints, end: Ints, cutoffs: Ints) -> Ints:
    """For each label the first position in its sorted run whose moment is after its cut-off."""
    past = np.empty(len(first), np.int64)
    for label in range(len(first)):
        low, high = first[label], end[label]
        while low < high:
            middle = (low + high) >> 1
            if moments[middle] <= cutoffs[label]:
                low = middle + 1
            else:
                high = middle
        past[label] = low
    return past
