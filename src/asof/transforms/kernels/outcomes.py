"""The outcome of a label: what happened after each of its cut-offs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pyarrow as pa

from asof.features.aggregates import Aggregate, WindowFeature
from asof.features.durations import Duration
from asof.features.expressions import Call, Column, Expr
from asof.features.label import Label
from asof.storage.arrow_types import arrow_type
from asof.transforms.expressions import compute
from asof.transforms.kernels.timeline import Timeline
from asof.transforms.kernels.windows import aggregate


def outcomes(labels: pa.Table, rows: pa.Table, label: Label) -> pa.ChunkedArray:
    """The outcome for each of `labels` (the entity's keys and `cutoff`), computed from the source's `rows`.

    It covers the rows with `t + gap < e <= t + gap + horizon`, known at any time, of revised ones
    the last revision.
    """
    timeline = Timeline(labels, rows, list(label.entity.keys), known_at="ignore")
    computed = aggregate(timeline, rows, outcome_features(label))
    names = {part: f"outcome_{i}" for i, part in enumerate(label.aggregates)}
    table = pa.table(computed, names=list(names.values()))
    return compute(_with_columns(label.outcome, names), table, arrow_type(label.dtype.name))


def outcome_features(label: Label) -> list[WindowFeature]:
    """The aggregates of the outcome, over windows that lie after the cut-off."""
    ahead = Duration(-(label.gap.ns + label.horizon.ns))
    features = [part.expand(label.source.columns)[0] for part in label.aggregates]
    return [_placed(feature, label.horizon, ahead) for feature in features]


def _placed(feature: WindowFeature, window: Duration, offset: Duration) -> WindowFeature:
    parts = tuple(_placed(part, window, offset) for part in feature.parts)
    return replace(feature, window=window, offset=offset, parts=parts)


def _with_columns(outcome: Expr, names: Mapping[Aggregate, str]) -> Expr:
    if isinstance(outcome, Aggregate):
        return Column(names[outcome])
    if isinstance(outcome, Call):
        return Call(outcome.operator, tuple(_with_columns(part, names) for part in outcome.arguments))
    return outcome
