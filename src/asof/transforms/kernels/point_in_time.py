"""The point-in-time join: for each label the one row that held at its cut-off."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from asof.features.durations import Duration
from asof.transforms.kernels.instants import Ints
from asof.transforms.kernels.timeline import Timeline

NO_ROW = -1


def latest(timeline: Timeline, ttl: Duration | None = None) -> Ints:
    """For each label the index into `rows` of the row that holds at its cut-off, or NO_ROW.

    That is the row with the label's key and the greatest event time `e` such that `e <= t`
    (`e < t` where strict), `e >= t - ttl`, and which is known at `t`; ties go to the greatest
    known-from time, then to the greatest sequence.
    """
    first, end = timeline.lifetime(ttl)
    last = end - 1
    if timeline.hides:
        last = _last_seen(timeline, first, last)
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


def _last_seen(timeline: Timeline, first: Ints, last: Ints) -> Ints:
    """For each label the last position from `last` down to `first` that it sees, else `first - 1`."""
    last = last.copy()
    hidden = _Hidden(timeline, int((last - first).max(initial=0)) + 1)
    looking = np.flatnonzero(last >= first)
    while looking.size:
        looking = looking[~timeline.sees(looking, last[looking])]
        last[looking] = hidden.before(looking, last[looking], first[looking])
        looking = looking[last[looking] >= first[looking]]
    return last


class _Hidden:
    """Steps over rows that a label can't see in leaps of powers of two, at most `longest` in all.

    `known_from[k][p]` is the least in the 2^k positions up to p, `known_until[k][p]` the greatest.
    """

    def __init__(self, timeline: Timeline, longest: int) -> None:
        self.cutoffs = timeline.cutoffs
        self.known_from, self.known_until = [timeline.known_from], [timeline.known_until]
        for level in range(longest.bit_length() - 1):
            self.known_from.append(_doubled(np.minimum, self.known_from[-1], 1 << level))
            self.known_until.append(_doubled(np.maximum, self.known_until[-1], 1 << level))

    def before(self, labels: Ints, positions: Ints, first: Ints) -> Ints:
        """Positions further down, at `first - 1` or above, with only hidden rows passed."""
        cutoffs = self.cutoffs[labels]
        for level in reversed(range(len(self.known_from))):
            leap = 1 << level
            hidden = self.known_from[level][positions] > cutoffs
            hidden |= self.known_until[level][positions] <= cutoffs
            positions = np.where(hidden & (positions - leap >= first - 1), positions - leap, positions)
        return positions


def _doubled(least: np.ufunc, blocks: Ints, step: int) -> Ints:
    doubled = blocks.copy()
    doubled[step:] = least(blocks[step:], blocks[:-step])
    return doubled
