"""Trying aggregate functions on a sample of rows before anything is computed with them."""

from __future__ import annotations

from functools import partial

import numpy as np
import pyarrow as pa

from asof.errors import DataError, DefinitionError
from asof.features.aggregates import FunctionFeature
from asof.features.view import FeatureView, expand
from asof.transforms.kernels.aggregate_functions import Calls
from asof.transforms.kernels.timeline import Timeline
from asof.transforms.python_transforms import arrow_schema
from asof.transforms.transform_checks import SAMPLE_ROWS, filled_up, made_rows
from asof.transforms.view_rows import derive


def check_aggregate_functions(
    view: FeatureView, views: dict[str, FeatureView], clean: pa.Table | None
) -> None:
    """DefinitionError where an aggregate function of a view doesn't do what it declares.

    Each is called at the event times of the first of `clean`, the cleaned rows of the view's source;
    DataError where it fails at one. Where there are none, rows are made up, which it may fail on. What
    other views add is null.
    """
    every = expand(view, view.columns(views))
    features = [feature for feature in every if isinstance(feature, FunctionFeature)]
    if not features:
        return
    try:
        _check_repeatable(view, features, _sample(view, views, clean))
    except DataError:
        if clean is not None and clean.num_rows:
            raise


def _sample(view: FeatureView, views: dict[str, FeatureView], clean: pa.Table | None) -> pa.Table:
    if clean is not None and clean.num_rows:
        enriched = arrow_schema(view.enriched_columns(views))
        return derive(filled_up(clean.slice(0, SAMPLE_ROWS), enriched), view)
    rows = made_rows(arrow_schema(view.columns(views)))
    times = pa.array(np.arange(rows.num_rows)).cast(pa.timestamp("us", "UTC"))
    return rows.append_column("_event_time", times).append_column("_sequence", pa.array(range(rows.num_rows)))


def _check_repeatable(view: FeatureView, features: list[FunctionFeature], rows: pa.Table) -> None:
    keys = list(view.entity.keys)
    labels = rows.select(keys).append_column("cutoff", rows["_event_time"])
    timeline = Timeline(labels, rows, keys, known_at="ignore")
    values = partial(Calls(f"FeatureView {view.name!r}", timeline, labels, rows, keys).values, features)
    for feature, once, again in zip(features, values(), values(), strict=True):
        if not once.equals(again):
            raise DefinitionError(
                f"FeatureView {view.name!r}: {feature.of.name!r} gives another {feature.output!r} when it is "
                "called again; its values may depend on the events and the cut-off only"
            )
