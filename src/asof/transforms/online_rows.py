"""The rows of a view that go online: one for each entity, as of one moment."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from asof.features.aggregates import WindowFeature
from asof.features.types import Schema
from asof.features.view import FeatureView, expand
from asof.transforms.buckets import Bucketed
from asof.transforms.features_at import features_at
from asof.transforms.kernels.maps import is_count
from asof.transforms.kernels.point_in_time import attributes
from asof.transforms.kernels.timeline import Timeline

NANOSECONDS = pa.timestamp("ns", "UTC")


def has_aggregates(view: FeatureView) -> bool:
    """Whether a view's values change as time goes by, without new rows."""
    return any(not isinstance(feature, str) for feature in view.features)


def absent_values(view: FeatureView, columns: Schema) -> list[int | None]:
    """What the features of an entity without any row are: counts are 0, all others null."""
    return [0 if isinstance(f, WindowFeature) and is_count(f) else None for f in expand(view, columns)]


def online_rows(
    rows: pa.Table, view: FeatureView, columns: Schema, as_of: int, entities: pa.Table | None = None
) -> pa.Table:
    """For each entity in `rows`, or those given: its keys, `_event_time` and its features at `as_of`.

    That is in ns since 1970, UTC. The event time of aggregates is `as_of`; that of attributes is the time
    of the row that holds them. An entity of which nothing holds any more has no row.
    """
    keys = list(view.entity.keys)
    if entities is None:
        entities = rows.select(keys).group_by(keys, use_threads=False).aggregate([])
    cutoffs = pa.array(np.full(entities.num_rows, as_of, np.int64)).cast(NANOSECONDS)
    labels = entities.append_column("cutoff", cutoffs)
    features = features_at(labels, rows, view, columns)
    times = cutoffs if has_aggregates(view) else _held_since(labels, rows, view)
    online = entities.append_column("_event_time", times)
    for name in features.column_names:
        online = online.append_column(name, features[name])
    return online.filter(pc.is_valid(online["_event_time"]))


def online_bucket(table: Bucketed, view: FeatureView, columns: Schema, as_of: int, bucket: int) -> pa.Table:
    """`online_rows` of one bucket of a view's table."""
    return online_rows(table.read(bucket, table.buckets), view, columns, as_of)


def _held_since(labels: pa.Table, rows: pa.Table, view: FeatureView) -> pa.ChunkedArray:
    timeline = Timeline(labels, rows, list(view.entity.keys))
    return attributes(timeline, rows, [], ttl=None)["_event_time"].cast(NANOSECONDS)
