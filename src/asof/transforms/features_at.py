"""The features of one view at given cut-offs: its attributes and its aggregates side by side."""

from __future__ import annotations

import pyarrow as pa

from asof.features.aggregates import WindowFeature
from asof.features.types import Schema
from asof.features.view import Attribute, FeatureView, expand
from asof.transforms.kernels.point_in_time import attributes
from asof.transforms.kernels.timeline import Timeline
from asof.transforms.kernels.windows import aggregate


def features_at(
    labels: pa.Table,
    rows: pa.Table,
    view: FeatureView,
    columns: Schema,
    *,
    strict: bool = False,
    known_at: str = "respect",
) -> pa.Table:
    """One column for each feature of `view`, one row for each row of `labels`, in their order.

    `labels` have the keys of the view's entity and a `cutoff` (timestamp, UTC); `rows` are the
    view's, with `columns`, and need not be sorted. `strict` cut-offs see `e < t` only;
    `known_at="ignore"` lets a cut-off see what became known after it.
    """
    timeline = Timeline(labels, rows, list(view.entity.keys), strict=strict, known_at=known_at)
    features = expand(view, columns)
    windows = [feature for feature in features if isinstance(feature, WindowFeature)]
    names = [feature.name for feature in features if isinstance(feature, Attribute)]
    computed = dict(zip([w.name for w in windows], aggregate(timeline, rows, windows), strict=True))
    if names:
        found = attributes(timeline, rows, names, view.ttl)
        computed |= {name: found[name] for name in names}
    return pa.table({feature.name: computed[feature.name] for feature in features})
