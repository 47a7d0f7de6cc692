"""The population of a label: which entities are asked about, at which cut-offs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from asof.features.durations import Duration
from asof.features.label import MONDAY, Every, Label
from asof.transforms.kernels.instants import NS_PER, Ints, finest_unit, shifted_back
from asof.transforms.kernels.key_codes import NO_KEY, key_codes
from asof.transforms.kernels.timeline import known_times, time_types


@dataclass(frozen=True)
class Population:
    """The mature labels, by cut-off and then keys, and how many are not mature yet.

    `labels` have the entity's keys and `cutoff` (timestamp, UTC).
    """

    labels: pa.Table
    immature: int


def population(rows: pa.Table, label: Label, complete_until: int, *, known_at: str = "respect") -> Population:
    """Each entity at each cut-off `t` of the label's grid at which it is known, up to `complete_until`.

    An entity is known at `t` by a row with `e <= t`, and `t - active_within < e` where the label
    says so, which is itself known at `t` (unless known_at="ignore"). A label is mature where
    `t + gap + horizon <= complete_until` (in ns since 1970, UTC). `rows` are those of the label's
    source, of all entities or of some, in any order.
    """
    assert isinstance(label.at, Every)
    grid = _Grid(label.at.step, time_types(rows))
    keys = list(label.entity.keys)
    (codes,) = key_codes([rows], keys)
    first, end = _known_within(rows, label.active_within, grid, known_at)
    end = np.minimum(end, grid.index_at(complete_until) + 1)
    asked = (codes != NO_KEY) & (first < end)
    entities, indices = _union(codes[asked], first[asked], end[asked])
    mature = indices <= grid.index_at(label.last_mature(complete_until))
    labels = _keys_of(rows.select(keys), codes, entities[mature])
    labels = labels.append_column("cutoff", grid.instants(indices[mature]))
    order = [(name, "ascending") for name in ("cutoff", *keys)]
    return Population(labels.sort_by(order), int((~mature).sum()))


class _Grid:
    """Instants a step apart, told by their index; the anchor's is 0."""

    def __init__(self, step: Duration, times: Sequence[pa.DataType]) -> None:
        self.unit = "ns" if step.ns % NS_PER["us"] else finest_unit(times)
        self.ns_per_count = NS_PER[self.unit]
        self.step = step.ns // self.ns_per_count
        self.anchor = MONDAY // self.ns_per_count

    def index_at(self, ns: int) -> int:
        """The index of the last instant at `ns` since 1970 or before."""
        return (ns // self.ns_per_count - self.anchor) // self.step

    def index_from(self, moments: Ints) -> Ints:
        """The index of the first instant at each of `moments` or after."""
        index, rest = np.divmod(shifted_back(moments, self.anchor), self.step)
        return index + (rest > 0)

    def instants(self, indices: Ints) -> pa.Array:
        return pa.array(indices * self.step + self.anchor).cast(pa.timestamp(self.unit, "UTC"))


def _known_within(rows: pa.Table, active: Duration | None, grid: _Grid, known_at: str) -> tuple[Ints, Ints]:
    """For each row the indices of the cut-offs at which it makes its entity known: first and end."""
    times, since, until = known_times(rows, grid.unit, known_at)
    if active is not None:
        until = np.minimum(until, shifted_back(times, active.ns // -grid.ns_per_count))
    return grid.index_from(np.maximum(times, since)), grid.index_from(until)


def _union(codes: Ints, first: Ints, end: Ints) -> tuple[Ints, Ints]:
    """Each code with each index that is in one of its ranges, once."""
    base = first.min(initial=0)
    width = end.max(initial=0) - base + 1
    first, end = codes * width + first - base, codes * width + end - base
    order = np.argsort(first)
    first, reach = first[order], np.maximum.accumulate(end[order])
    fresh = np.ones(len(first), bool)
    fresh[1:] = first[1:] > reach[:-1]
    starts = np.flatnonzero(fresh)
    ends = reach[np.append(starts, len(reach))[1:] - 1]
    entities, indices = np.divmod(_ranges(first[starts], ends - first[starts]), width)
    return entities, indices + base


def _ranges(first: Ints, sizes: Ints) -> Ints:
    """The whole numbers from each `first` on, `sizes` of them, one range after another."""
    starts = np.cumsum(sizes) - sizes
    return np.arange(sizes.sum()) + np.repeat(first - starts, sizes)


def _keys_of(keys: pa.Table, codes: Ints, wanted: Ints) -> pa.Table:
    """For each wanted code the keys that it stands for."""
    example = np.empty(codes.max(initial=NO_KEY) + 1, np.int64)
    keyed = np.flatnonzero(codes != NO_KEY)
    example[codes[keyed]] = keyed
    return keys.take(pa.array(example[wanted]))
