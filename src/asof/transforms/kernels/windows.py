"""Aggregates over windows of rows, at the cut-off of each label."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from asof.features.aggregates import WindowFeature
from asof.features.durations import Duration
from asof.features.expressions import Expr
from asof.transforms.expressions import mask
from asof.transforms.kernels.instants import Bools, Ints
from asof.transforms.kernels.reductions import REDUCTIONS, Events, Seen, quotient, ranges
from asof.transforms.kernels.timeline import Timeline

_PAIRS = 1 << 20
"""How many pairs of a label and a row are looked at together; what bounds memory."""

Key = TypeVar("Key", bound=Hashable)


def aggregate(timeline: Timeline, rows: pa.Table, features: Sequence[WindowFeature]) -> list[pa.Array]:
    """For each feature its value for each label of `timeline`, which was made with these `rows`.

    A window covers the rows with `t - offset - window < e <= t - offset` (`e < t - offset` where
    cut-offs are strict) that are known at `t`, pass `where` and have a value in the column. Counts
    of nothing are 0, other aggregates of nothing null. Sums of integers and decimals are exact,
    DataError where they don't fit; floats are added in the order of event time, known-from time,
    sequence.
    """
    plain = dict.fromkeys(part for feature in features for part in feature.parts or (feature,))
    values: dict[WindowFeature, pa.Array] = {}
    for (column, where), of_rows in _grouped(plain, lambda f: (f.column, f.where)).items():
        chosen = _Chosen(timeline, rows, column, where)
        for (window, offset), alike in _grouped(of_rows, lambda f: (f.window, f.offset)).items():
            values |= _over(chosen, window, offset, alike)
    return [
        quotient(*(values[part] for part in feature.parts)) if feature.parts else values[feature]
        for feature in features
    ]


def _over(
    chosen: _Chosen, window: Duration | None, offset: Duration, features: Sequence[WindowFeature]
) -> dict[WindowFeature, pa.Array]:
    reductions = [REDUCTIONS[feature.function] for feature in features]
    batches = [
        [reduction(chosen.events, seen) for reduction in reductions] for seen in chosen.seen(window, offset)
    ]
    return dict(zip(features, map(pa.concat_arrays, zip(*batches, strict=True)), strict=True))


class _Chosen:
    """The rows of a timeline that pass `where` and have a value in `column`."""

    def __init__(self, timeline: Timeline, rows: pa.Table, column: str | None, where: Expr | None) -> None:
        passing = _passing(rows, column, where)[timeline.order]
        kept = np.flatnonzero(passing)
        index = pa.array(timeline.order[kept])
        self.timeline = timeline
        self.kept = kept
        self.before = np.concatenate([[0], np.cumsum(passing)])
        self.events = Events(
            column,
            rows[column].take(index).combine_chunks() if column else pa.nulls(len(index)),
            timeline.times[kept],
            timeline.ns_per_count,
        )

    def seen(self, window: Duration | None, offset: Duration) -> Iterator[Seen]:
        """What the labels see, a batch of labels at a time, at least one."""
        first, end = (self.before[edge] for edge in self.timeline.window(window, offset))
        for labels in _batches(end - first):
            if self.timeline.hides:
                yield self._known(labels, first[labels], end[labels] - first[labels])
            else:
                cutoffs = self.timeline.cutoffs[labels]
                yield Seen(cutoffs, end[labels] - first[labels], first[labels], end[labels] - 1)

    def _known(self, batch: slice, first: Ints, sizes: Ints) -> Seen:
        labels, events = np.repeat(np.arange(len(sizes)), sizes), ranges(first, sizes)
        known = self.timeline.sees(labels + batch.start, self.kept[events])
        labels, events = labels[known], events[known]
        sizes = np.bincount(labels, minlength=len(sizes))
        ends = np.cumsum(sizes)
        edges = np.append(events, 0)
        cutoffs = self.timeline.cutoffs[batch]
        return Seen(cutoffs, sizes, edges[ends - sizes], edges[ends - 1], events)


def _passing(rows: pa.Table, column: str | None, where: Expr | None) -> Bools:
    passing = np.ones(rows.num_rows, bool) if where is None else mask(where, rows)
    return passing if column is None else passing & _has_value(rows[column])


def _has_value(column: pa.ChunkedArray) -> Bools:
    if pa.types.is_floating(column.type):
        has = pc.fill_null(pc.invert(pc.is_nan(column)), False)
    else:
        has = pc.is_valid(column)
    return np.asarray(has.to_numpy(), bool)


def _batches(sizes: Ints) -> Iterator[slice]:
    """Neighbouring labels whose sizes sum to `_PAIRS` at most, or one label; one batch at least."""
    ends = np.cumsum(sizes)
    start, taken = 0, 0
    while True:
        stop = max(int(np.searchsorted(ends, taken + _PAIRS, side="right")), start + 1)
        yield slice(start, stop)
        if stop >= len(sizes):
            return
        start, taken = stop, int(ends[stop - 1])


def _grouped(
    features: Iterable[WindowFeature], key: Callable[[WindowFeature], Key]
) -> dict[Key, list[WindowFeature]]:
    groups: dict[Key, list[WindowFeature]] = {}
    for feature in features:
        groups.setdefault(key(feature), []).append(feature)
    return groups
