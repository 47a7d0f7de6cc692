"""Views over the rows of a case, and what makes them: times and keys."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
from sqlglot import exp
from tests.oracles.openmldb_expressions import Rows, computed
from tests.oracles.openmldb_sql import Inexpressible

from asof.features.aggregates import Aggregate
from asof.features.entity import Entity
from asof.features.readers import Files
from asof.features.source import Source
from asof.features.types import Schema
from asof.features.view import FeatureView
from asof.storage.arrow_types import type_name
from asof.transforms.features_at import features_at

MS = 10**6
INSTANT = pa.timestamp("ns", "UTC")


def features(
    labels: pa.Table,
    rows: pa.Table,
    keys: Sequence[str],
    asked: Sequence[str | Aggregate],
    *,
    strict: bool,
) -> pa.Table:
    """What a view of `rows` with the features `asked` gives for `labels`."""
    rows = rows.append_column("_sequence", pa.array(range(rows.num_rows), pa.int64()))
    columns = Schema({f.name: type_name(f.type) for f in rows.schema if not f.name.startswith("_")})
    source = Source("rows", reader=Files("*.csv"), schema=columns | {"at": "timestamp_ns"}, event_time="at")
    entity = Entity("key", keys={key: columns[key] for key in keys})
    view = FeatureView("view", entity=entity, source=source, features=asked)
    return features_at(labels, rows, view, columns, strict=strict)


def times_of(rows: Rows, order: exp.Expression | None) -> list[int]:
    """When each row happened, in milliseconds."""
    if order is None:
        return [0] * rows.table.num_rows
    times = computed(rows, order)
    if pa.types.is_date32(times.type):
        times = times.cast(pa.int32())
    if not pa.types.is_integer(times.type):
        raise Inexpressible("an order that is not a time")
    if times.null_count:
        raise Inexpressible("a row without a time")
    return times.to_pylist()


def as_key(values: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_integer(values.type):
        return values.cast(pa.int64())
    if not (pa.types.is_string(values.type) or pa.types.is_date32(values.type)):
        raise Inexpressible("a key of a type that keys can't have")
    return values
