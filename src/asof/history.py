"""Features as they were: the offline answer to what a lookup answers online."""

from __future__ import annotations

from functools import partial
from itertools import pairwise

import numpy as np
import pyarrow as pa

from asof.errors import NotFound, choices
from asof.features.graph import Definitions
from asof.features.service import FeatureService, stored_features
from asof.features.view import SEPARATOR
from asof.storage.layout import bucket_of
from asof.training_sets.building import view_table
from asof.transforms.engines.engine import Engine
from asof.transforms.features_at import features_at
from asof.transforms.on_demand import asked_features
from asof.transforms.training_job import ViewTable
from asof.workspace import Workspace


def historical(
    workspace: Workspace,
    definitions: Definitions,
    engine: Engine,
    service: str,
    labels: pa.Table,
    *,
    strict: bool = False,
    known_at: str = "respect",
) -> pa.Table:
    """`labels` with the features of a service as they were known at each row's `cutoff`.

    Every row comes back once, in its place, with its own columns. `cutoff` is a timestamp with a zone;
    NotFound where it or a key is missing.
    On-demand features are computed from those columns of `labels` that would come with a request.
    `strict` and `known_at` are as in `TrainingSet`.
    """
    features, keys = definitions.named(FeatureService, service).features, dict[str, None]()
    asked = asked_features(features, dict(definitions.views))
    rows = labels
    for item in stored_features(features):
        table = view_table(workspace, definitions, item)
        found = _features(table, labels, engine, strict=strict, known_at=known_at)
        for name in table.features:
            rows = rows.append_column(f"{table.view.name}{SEPARATOR}{name}", found[name])
        keys |= dict.fromkeys(table.rows.keys)
    return asked.of(rows, labels.column_names, named_by=[*keys, "cutoff"])


def _features(table: ViewTable, labels: pa.Table, engine: Engine, *, strict: bool, known_at: str) -> pa.Table:
    """The view's features for each label, in their order, computed bucket by bucket."""
    keyed = labels.select([_column(labels, name) for name in (*table.rows.keys, "cutoff")])
    bucket = np.maximum(bucket_of(keyed, table.rows.keys, table.rows.buckets), 0)
    order = np.argsort(bucket, kind="stable")
    tasks = [
        (number, keyed.take(pa.array(order[start:end])))
        for number, (start, end) in enumerate(_bounds(bucket[order], table.rows.buckets))
        if end > start or number == 0
    ]
    kernel = partial(_bucket_features, table, strict, known_at)
    found = pa.concat_tables(engine.map(kernel, tasks))
    return found.take(pa.array(np.argsort(order)))


def _column(labels: pa.Table, name: str) -> str:
    if name not in labels.column_names:
        raise NotFound(f"the labels have no column {name!r}; {choices(name, labels.column_names)}")
    return name


def _bounds(ordered: np.ndarray, buckets: int) -> list[tuple[int, int]]:
    edges = np.searchsorted(ordered, np.arange(buckets + 1)).tolist()
    return list(pairwise(edges))


def _bucket_features(table: ViewTable, strict: bool, known_at: str, task: tuple[int, pa.Table]) -> pa.Table:
    bucket, labels = task
    rows = table.rows.read(bucket, table.rows.buckets)
    return features_at(labels, rows, table.view, table.columns, strict=strict, known_at=known_at)
