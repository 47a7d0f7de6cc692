"""The features of one view at given cut-offs: its attributes and its aggregates side by side."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from asof.features.aggregates import FunctionFeature, WindowFeature
from asof.features.types import Schema
from asof.features.view import Attribute, FeatureView, expand
from asof.transforms.kernels.aggregate_functions import Calls
from asof.transforms.kernels.maps import maps
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
    keys = list(view.entity.keys)
    timeline = Timeline(labels, rows, keys, strict=strict, known_at=known_at)
    features = expand(view, columns)
    windows = [feature for feature in features if isinstance(feature, WindowFeature)]
    single = [feature for feature in windows if feature.by is None]
    mapped = [feature for feature in windows if feature.by is not None]
    functions = [feature for feature in features if isinstance(feature, FunctionFeature)]
    calls = Calls(f"FeatureView {view.name!r}", timeline, labels, rows, keys)
    computed = _named(single, aggregate(timeline, rows, single))
    computed |= _named(mapped, maps(labels, rows, keys, mapped, strict=strict, known_at=known_at))
    computed |= _named(functions, calls.values(functions))
    if names := [feature.name for feature in features if isinstance(feature, Attribute)]:
        found = attributes(timeline, rows, names, view.ttl)
        computed |= {name: found[name] for name in names}
    return pa.table({feature.name: computed[feature.name] for feature in features})


def _named(
    features: Sequence[WindowFeature | FunctionFeature], values: Sequence[pa.Array | pa.ChunkedArray]
) -> dict[str, pa.Array | pa.ChunkedArray]:
    return {feature.name: of for feature, of in zip(features, values, strict=True)}
