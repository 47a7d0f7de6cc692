"""Aggregates over windows of rows, at the cut-off of each label."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from asof.features.aggregates import WindowFeature
from asof.features.expressions import Expr
from asof.transforms.expressions import mask
from asof.transforms.kernels.instants import Bools, Ints
from asof.transforms.kernels.reductions import Events, quotient, reduction
from asof.transforms.kernels.stays import Sight
from asof.transforms.kernels.timeline import Timeline

Key = TypeVar("Key", bound=Hashable)


def aggregate(timeline: Timeline, rows: pa.Table, features: Sequence[WindowFeature]) -> list[pa.Array]:
    """For each feature its value for each label of `timeline`, which was made with these `rows`.

    A window covers the rows with `t - offset - window < e <= t - offset` (`e < t - offset` where
    cut-offs are strict) that are known at `t`, pass `where` and have a value in the column. Counts
    of nothing are 0, other aggregates of nothing null. Sums of integers and decimals are exact,
    DataError where they don't fit; of floats they are the float nearest to the exact sum. So no
    order of rows or labels, and nothing beside them, changes a bit.
    """
    sight = Sight(timeline)
    plain = dict.fromkeys(part for feature in features for part in feature.parts or (feature,))
    values: dict[WindowFeature, pa.Array] = {}
    for (column, where), alike in _grouped(plain, lambda f: (f.column, f.where)).items():
        passing = _passing(timeline, rows, column, where)
        events = _events(timeline, rows, column, passing)
        for (window, offset), together in _grouped(alike, lambda f: (f.window, f.offset)).items():
            stays = sight.stays(window, offset).among(passing)
            values |= {f: reduction(f.function, f.most)(events, stays) for f in together}
    return [
        sight.in_their_order(
            quotient(*(values[part] for part in feature.parts)) if feature.parts else values[feature]
        )
        for feature in features
    ]


def _events(timeline: Timeline, rows: pa.Table, column: str | None, passing: Bools | None) -> Events:
    order = timeline.order if passing is None else timeline.order[passing]
    times = timeline.times if passing is None else timeline.times[passing]
    values = _in_order(rows[column], order) if column else pa.nulls(len(order))
    return Events(column, values, times, timeline.ns_per_count)


def _in_order(column: pa.ChunkedArray, order: Ints) -> pa.Array:
    if len(order) < len(column) or (order[1:] < order[:-1]).any():
        column = column.take(pa.array(order))
    return column.combine_chunks()


def _passing(timeline: Timeline, rows: pa.Table, column: str | None, where: Expr | None) -> Bools | None:
    """Which rows of the timeline count, None where all do."""
    passing = np.ones(rows.num_rows, bool) if where is None else mask(where, rows)
    if column is not None:
        passing &= _has_value(rows[column])
    return None if passing.all() else passing[timeline.order]


def _has_value(column: pa.ChunkedArray) -> Bools:
    if pa.types.is_floating(column.type):
        has = pc.fill_null(pc.invert(pc.is_nan(column)), False)
    else:
        has = pc.is_valid(column)
    return np.asarray(has.to_numpy(), bool)


def _grouped(
    features: Iterable[WindowFeature], key: Callable[[WindowFeature], Key]
) -> dict[Key, list[WindowFeature]]:
    groups: dict[Key, list[WindowFeature]] = {}
    for feature in features:
        groups.setdefault(key(feature), []).append(feature)
    return groups
