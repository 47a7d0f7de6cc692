"""Features that are what happened in the label's window, and not what had happened before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from asof.features.label import Label
from asof.storage.hashing import Words
from asof.transforms.kernels.instants import NS_PER, Ints
from asof.transforms.kernels.outcomes import outcome_features, outcomes
from asof.transforms.kernels.timeline import Timeline
from asof.transforms.kernels.windows import aggregate
from asof.transforms.leaks.bounds import independent, lower_bound
from asof.transforms.leaks.codes import alike

AGREES = 0.8
"""From which share of agreement, less what chance gives, a feature is what happened in the window."""

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Agreement:
    """A feature's values that are those of `what` over the label's window: their share, and in which rows."""

    what: str
    share: float
    rows: Mask


def what_happened(labels: pa.Table, rows: pa.Table, label: Label) -> pa.Table:
    """Each label's outcome and the aggregates in it, over the label's window, from `rows` of its source."""
    timeline = Timeline(labels, rows, list(label.entity.keys), known_at="ignore")
    parts = aggregate(timeline, rows, outcome_features(label))
    named = {repr(part): values for part, values in zip(label.aggregates, parts, strict=True)}
    return pa.table({repr(label.name): outcomes(labels, rows, label), **named})


def a_window_earlier(labels: pa.Table, label: Label) -> pa.Table:
    """The labels with cut-offs so much earlier that the window of each ends at its cut-off."""
    unit = labels["cutoff"].type.unit
    back = pa.scalar((label.gap.ns + label.horizon.ns) // NS_PER[unit], pa.duration(unit))
    moved = pc.subtract(labels["cutoff"], back)
    return labels.set_column(labels.column_names.index("cutoff"), "cutoff", moved)


def agreements(
    rows: pa.Table, features: Sequence[str], ahead: pa.Table, before: pa.Table, entities: Words
) -> dict[str, Agreement]:
    """The features that agree with a column of `ahead`, and better than with the same of `before`."""
    found = {name: _agreement(rows[name], ahead, before, entities) for name in features}
    return {name: agreement for name, agreement in found.items() if agreement is not None}


def _agreement(
    feature: pa.ChunkedArray, ahead: pa.Table, before: pa.Table, entities: Words
) -> Agreement | None:
    for what in ahead.column_names:
        for one, other in _sides(feature, ahead[what], before[what]):
            coded = alike([feature, one, other])
            if coded is not None and _is_ahead(coded[0], coded[1], coded[2], entities):
                same = coded[0] == coded[1]
                return Agreement(what, float(same.mean()), same)
    return None


def _sides(
    feature: pa.ChunkedArray, ahead: pa.ChunkedArray, before: pa.ChunkedArray
) -> Iterator[tuple[pa.ChunkedArray, pa.ChunkedArray]]:
    yield ahead, before
    if pa.types.is_boolean(ahead.type):
        yield pc.invert(ahead), pc.invert(before)


def _is_ahead(feature: Ints, ahead: Ints, before: Ints, entities: Words) -> bool:
    """Whether the feature agrees with what is ahead, and where it is one of the two, with that."""
    same, earlier, chance = feature == ahead, feature == before, _by_chance(feature, ahead)
    apart = same != earlier
    if chance == 1 or not apart.any():
        return False
    beyond_chance = (_least_share(same, entities) - chance) / (1 - chance)
    return beyond_chance >= AGREES and _least_share(same[apart], entities[apart]) > 0.5


def _by_chance(one: Ints, other: Ints) -> float:
    """How often columns of such values agree that have nothing to do with each other (Cohen 1960)."""
    most = int(max(one.max(initial=0), other.max(initial=0))) + 1
    of_one, of_other = (np.bincount(each, minlength=most) / len(each) for each in (one, other))
    return float(of_one @ of_other)


def _least_share(holds: Mask, entities: Words) -> float:
    return lower_bound(float(holds.mean()), independent(entities.view(np.int64)))
