"""Labels and the rows of a source on one line of time: who may see what."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from asof.errors import DefinitionError, choices
from asof.features.durations import Duration
from asof.transforms.kernels.instants import (
    EARLIEST,
    LATEST,
    NS_PER,
    Bools,
    Ints,
    counts,
    counts_or_latest,
    finest_unit,
    shifted_back,
)
from asof.transforms.kernels.key_codes import NO_KEY, key_codes

_TIMES = ("_event_time", "_known_from", "_known_until")


class Timeline:
    """The rows in order, key by key and in time, and for each label where in them it stands.

    `labels` have the columns `keys` and `cutoff` (a timestamp with a zone), any order, duplicates
    kept; a null key matches nothing. `rows` have `keys`, `_event_time` and `_sequence`, and where
    the source says so `_known_from` and `_known_until` (timestamps in UTC); they need not be sorted.

    `strict` cut-offs see `e < t`, else `e <= t`. With known_at="respect" a row is seen from
    `_known_from` until before `_known_until`; with "ignore" always, unless it was revised.

    Attributes, instants in counts of one unit, `position` being a place in the order:
        order: for each position the index into `rows`; those that no label can see are left out
        times: for each position the event time
        known_from, known_until: for each position when the row was believed
        cutoffs, first, end: for each label its cut-off and the positions of its key's rows
        hides: whether a row can be unknown, or revised, at a cut-off that its event time precedes
    """

    def __init__(
        self,
        labels: pa.Table,
        rows: pa.Table,
        keys: Sequence[str],
        *,
        cutoff: str = "cutoff",
        strict: bool = False,
        known_at: str = "respect",
    ) -> None:
        unit = finest_unit([labels.schema.field(cutoff).type, *time_types(rows)])
        row_codes, label_codes = key_codes([rows, labels], keys)
        times, since, until = known_times(rows, unit, known_at)
        self.ns_per_count = NS_PER[unit]
        self.strict = strict
        self.cutoffs = counts(labels, cutoff, unit)
        order = _order(row_codes, times, rows, unit)
        self.order = order[since[order] < until[order]]
        self.times = times[self.order]
        self.known_from, self.known_until = since[self.order], until[self.order]
        self.first, self.end = _runs(row_codes[self.order], label_codes)
        self.hides = bool((self.known_from > self.times).any() or (self.known_until < LATEST).any())

    def window(self, window: Duration | None, offset: Duration) -> tuple[Ints, Ints]:
        """For each label the first position in `t - offset - window < e <= t - offset`, and the end.

        Without a window all history; `e < t - offset` where cut-offs are strict. Visibility is not
        looked at.
        """
        last = self._whole(offset) + 1 if self.strict else self._whole_above(offset)
        end = self._past(shifted_back(self.cutoffs, last))
        if window is None:
            return self.first, end
        back = self._whole_above(Duration(offset.ns + window.ns))
        return self._past(shifted_back(self.cutoffs, back)), end

    def lifetime(self, ttl: Duration | None) -> tuple[Ints, Ints]:
        """As `window`, but with `t - ttl <= e <= t`."""
        end = self._past(shifted_back(self.cutoffs, 1 if self.strict else 0))
        if ttl is None:
            return self.first, end
        return self._past(shifted_back(self.cutoffs, self._whole(ttl) + 1)), end

    def sees(self, labels: Ints, positions: Ints) -> Bools:
        """Pair by pair, whether the row at a position is known at the cut-off of a label."""
        cutoffs = self.cutoffs[labels]
        known: Bools = self.known_from[positions] <= cutoffs
        return known & (cutoffs < self.known_until[positions])

    def _past(self, moments: Ints) -> Ints:
        """For each label the position after its key's last row with `e <= moment`; by bisection."""
        low, high = self.first, self.end
        while (low < high).any():
            middle = (low + high) >> 1
            after = self.times[np.minimum(middle, len(self.times) - 1)] > moments
            low, high = (
                np.where(after | (low == high), low, middle + 1),
                np.where(after & (low < high), middle, high),
            )
        return low

    def _whole(self, length: Duration) -> int:
        return length.ns // self.ns_per_count

    def _whole_above(self, length: Duration) -> int:
        return -(-length.ns // self.ns_per_count)


def known_times(rows: pa.Table, unit: str, known_at: str) -> tuple[Ints, Ints, Ints]:
    """Event times, since when each row counts as known, and until before when, in counts of `unit`.

    With known_at="ignore" a row is known from its event time on, or never if it was revised.
    """
    if known_at not in ("respect", "ignore"):
        raise DefinitionError(f"known_at {known_at!r}: {choices(known_at, ['respect', 'ignore'])}")
    times = since = counts(rows, "_event_time", unit)
    until = np.full_like(times, LATEST)
    if "_known_until" in rows.column_names:
        until = counts_or_latest(rows, "_known_until", unit)
    if known_at == "ignore":
        return times, since, np.where(until == LATEST, until, EARLIEST)
    if "_known_from" in rows.column_names:
        since = counts(rows, "_known_from", unit)
    return times, since, until


def time_types(rows: pa.Table) -> list[pa.DataType]:
    """The types of the columns that say when."""
    return [rows.schema.field(name).type for name in _TIMES if name in rows.column_names]


def _order(codes: Ints, times: Ints, rows: pa.Table, unit: str) -> Ints:
    """Indices of the rows with a key: by key, event time, known-from time, sequence."""
    columns = [codes, times]
    if "_known_from" in rows.column_names:
        columns.append(counts(rows, "_known_from", unit))
    columns.append(np.asarray(rows["_sequence"].to_numpy(), np.int64))
    if _sorted(columns):
        order = np.arange(len(codes))
    else:
        order = np.lexsort(columns[::-1])
    return order[codes[order] != NO_KEY]


def _sorted(columns: Sequence[Ints]) -> bool:
    tied: Bools = np.ones(max(len(columns[0]) - 1, 0), bool)
    for column in columns:
        if (tied & (column[:-1] > column[1:])).any():
            return False
        tied &= column[:-1] == column[1:]
    return True


def _runs(ordered: Ints, codes: Ints) -> tuple[Ints, Ints]:
    """For each code where its run in the `ordered` codes starts and ends; nothing for NO_KEY."""
    runs = np.bincount(ordered, minlength=codes.max(initial=NO_KEY) + 1)
    ends = np.concatenate([np.cumsum(runs), [0]])
    starts = np.concatenate([ends[:-1] - runs, [0]])
    return starts[codes], ends[codes]
