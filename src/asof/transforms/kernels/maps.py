"""Aggregates by category: maps of the categories that each cut-off sees.

Each label becomes one for each category that its entity has, with that as one more key.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from asof.features.aggregates import WindowFeature
from asof.transforms.kernels.instants import (
    LATEST,
    NS_PER,
    Bools,
    Ints,
    counts,
    finest_unit,
    shifted_back,
)
from asof.transforms.kernels.key_codes import key_codes
from asof.transforms.kernels.timeline import Timeline
from asof.transforms.kernels.windows import aggregate

_COUNTS = ("count", "count_distinct")
_CATEGORY = "_category"


def is_count(feature: WindowFeature) -> bool:
    """Whether it is 0 of nothing, not null."""
    return feature.function in _COUNTS and feature.by is None


def maps(
    labels: pa.Table,
    rows: pa.Table,
    keys: Sequence[str],
    features: Sequence[WindowFeature],
    *,
    strict: bool,
    known_at: str,
) -> list[pa.Array]:
    """For each feature the map of its values by category for each label; null of nothing.

    In it are the categories of events that count, unless the value is null, in their order.
    """
    found: dict[WindowFeature, pa.Array] = {}
    for by in dict.fromkeys(feature.by for feature in features):
        alike = [feature for feature in features if feature.by == by]
        categorised = rows.append_column(_CATEGORY, rows[by])
        spread = _spread(labels.select([*keys, "cutoff"]), categorised, keys, _reach(alike))
        timeline = Timeline(spread.labels, categorised, [*keys, _CATEGORY], strict=strict, known_at=known_at)
        plain = [replace(feature, by=None, dtype=feature.dtype.element) for feature in alike]
        for feature, values in zip(alike, aggregate(timeline, categorised, plain), strict=True):
            found[feature] = _gathered(spread, values, _counted(feature, values))
    return [found[feature] for feature in features]


def _reach(features: Sequence[WindowFeature]) -> int | None:
    """How long before a cut-off the windows start, in ns; None where one is all history."""
    bounded = [feature.window.ns + feature.offset.ns for feature in features if feature.window is not None]
    return max(bounded) if len(bounded) == len(features) else None


@dataclass(frozen=True)
class _Spread:
    """Labels by category: those of label `i` are from `starts[i]` until before `starts[i + 1]`, in order."""

    labels: pa.Table
    starts: Ints


def _spread(labels: pa.Table, rows: pa.Table, keys: Sequence[str], reach: int | None) -> _Spread:
    """The labels with each category of which their entity has events from their reach on."""
    unit = finest_unit([labels.schema.field("cutoff").type, rows.schema.field("_event_time").type])
    cutoffs = counts(labels, "cutoff", unit)
    since = shifted_back(cutoffs, LATEST if reach is None else -(-reach // NS_PER[unit]))
    of_rows, of_labels = key_codes([rows, labels], keys)
    ranks, categories = _ranked(rows[_CATEGORY].combine_chunks())
    pairs = _pairs(of_rows, ranks, counts(rows, "_event_time", unit))
    label, pair = _matches(of_labels, pairs.keys)
    near = (pairs.earliest[pair] <= cutoffs[label]) & (pairs.latest[pair] >= since[label])
    label, pair = label[near], pair[near]
    spread = labels.take(pa.array(label)).append_column(
        _CATEGORY, categories.take(pa.array(pairs.ranks[pair]))
    )
    return _Spread(spread, np.append(0, np.cumsum(np.bincount(label, minlength=len(cutoffs)))))


@dataclass(frozen=True)
class _Pairs:
    """Each key with each of its categories, in order, and when its first and last event was."""

    keys: Ints
    ranks: Ints
    earliest: Ints
    latest: Ints


def _pairs(keys: Ints, ranks: Ints, times: Ints) -> _Pairs:
    known = np.flatnonzero((keys >= 0) & (ranks >= 0))
    order = known[np.lexsort((times[known], ranks[known], keys[known]))]
    keys, ranks, times = keys[order], ranks[order], times[order]
    differs = (keys[1:] != keys[:-1]) | (ranks[1:] != ranks[:-1])
    first = np.flatnonzero(np.append(True, differs)[: len(order)])
    last = np.append(first, len(order))[1:] - 1
    return _Pairs(keys[first], ranks[first], times[first], times[last])


def _matches(labels: Ints, keys: Ints) -> tuple[Ints, Ints]:
    """Each label with each place in the sorted `keys` that is its own, label by label."""
    first, end = np.searchsorted(keys, labels), np.searchsorted(keys, labels, "right")
    sizes = end - first
    label = np.repeat(np.arange(len(labels)), sizes)
    return label, np.arange(len(label)) + np.repeat(first - (np.cumsum(sizes) - sizes), sizes)


def _ranked(column: pa.Array) -> tuple[Ints, pa.Array]:
    """For each value its rank among the different ones, -1 for a null; and these in order."""
    encoded = column.dictionary_encode()
    order = pc.sort_indices(encoded.dictionary).to_numpy().astype(np.int64)
    ranks = np.append(np.empty_like(order), -1)
    ranks[order] = np.arange(len(order))
    codes = pc.fill_null(encoded.indices, len(order)).to_numpy(zero_copy_only=False)
    return ranks[codes], encoded.dictionary.take(pa.array(order))


def _counted(feature: WindowFeature, values: pa.Array) -> Bools:
    if feature.function in _COUNTS:
        return np.asarray(values) > 0
    return np.asarray(values.is_valid())


def _gathered(spread: _Spread, values: pa.Array, counted: Bools) -> pa.Array:
    """The maps of the labels, of the categories that count."""
    starts = np.concatenate([[0], np.cumsum(counted)])[spread.starts]
    chosen = pa.array(counted)
    names = spread.labels[_CATEGORY].combine_chunks().filter(chosen)
    return pa.MapArray.from_arrays(
        pa.array(starts, pa.int32()),
        names,
        values.filter(chosen),
        mask=pa.array(starts[1:] == starts[:-1]),
    )
