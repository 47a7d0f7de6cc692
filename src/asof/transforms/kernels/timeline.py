"""Labels and the rows of a source on one line of time: who may see what."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from asof.errors import DefinitionError, choices
from asof.features.durations import Duration
from asof.storage.compiled import compiled
from asof.transforms.kernels.arrangement import Rank, arrange
from asof.transforms.kernels.instants import (
    EARLIEST,
    LATEST,
    NS_PER,
    Bools,
    Ints,
    counts,
    counts_or_latest,
    finest_unit,
    read_only,
    shifted_back,
)
from asof.transforms.kernels.key_codes import key_runs

_TIMES = ("_event_time", "_known_from", "_known_until")


class Timeline:
    """The rows in order, key by key and in time, and for each label where in them it stands.

    `labels` have the columns `keys` and `cutoff` (a timestamp with a zone), any order, duplicates
    kept; a null key matches nothing. `rows` have `keys`, `_event_time` and `_sequence`, and where
    the source says so `_known_from` and `_known_until` (timestamps in UTC). They need not be sorted,
    but those of a table that is laid out are used where they are.

    `strict` cut-offs see `e < t`, else `e <= t`. With known_at="respect" a row is seen from
    `_known_from` until before `_known_until`; with "ignore" always, unless it was revised.

    Attributes, read-only, instants in counts of one unit, `position` being a place in the order:
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
        of_rows, of_labels = key_runs([rows, labels], keys)
        times, since, until = known_times(rows, unit, known_at)
        seen = since < until if "_known_until" in rows.column_names else None
        arranged = arrange(of_rows, _rank(rows, unit, times, since), seen)
        self.ns_per_count = NS_PER[unit]
        self.strict = strict
        self.cutoffs = read_only(counts(labels, cutoff, unit))
        self.first, self.end = map(read_only, _bounds(arranged.starts, of_labels.of_rows))
        self.times, self.known_from, self.known_until, self.order = (
            read_only(arranged.apply(column)) for column in (times, since, until, np.arange(len(times)))
        )
        self.hides = _hides(self.times, self.known_from, self.known_until)

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

    def sees(self, label: int, positions: Ints) -> Bools:
        """Whether the row at each of the positions is known at the cut-off of a label."""
        cutoff = self.cutoffs[label]
        known: Bools = self.known_from[positions] <= cutoff
        return known & (cutoff < self.known_until[positions])

    def _past(self, moments: Ints) -> Ints:
        """For each label the position after its key's last row with `e <= moment`."""
        return read_only(_first_after(self.times, self.first, self.end, read_only(moments)))

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


def _rank(rows: pa.Table, unit: str, times: Ints, since: Ints) -> Rank:
    known_from = since
    if since is times and "_known_from" in rows.column_names:
        known_from = counts(rows, "_known_from", unit)
    sequence = np.asarray(rows["_sequence"].to_numpy(), np.int64)
    return Rank(read_only(times), read_only(known_from), read_only(sequence))


def _bounds(starts: Ints, codes: Ints) -> tuple[Ints, Ints]:
    """For each code the positions of its rows, first and end; nothing for a code without any."""
    nothing = len(starts) - 1
    run = np.where((codes >= 0) & (codes < nothing), codes, nothing)
    edges = np.append(starts, starts[-1])
    return edges[run], edges[run + 1]


@compiled
def _hides(times: Ints, known_from: Ints, known_until: Ints) -> bool:
    for position in range(len(times)):
        if times[position] < known_from[position] or known_until[position] < LATEST:
            return True
    return False


@compiled
def _first_after(times: Ints, first: Ints, end: Ints, moments: Ints) -> Ints:
    """For each label the first position in its range of ordered times that is after its moment."""
    found = np.empty_like(moments)
    for label in range(len(moments)):
        low, high = first[label], end[label]
        while low < high:
            middle = (low + high) >> 1
            if times[middle] > moments[label]:
                high = middle
            else:
                low = middle + 1
        found[label] = low
    return found
