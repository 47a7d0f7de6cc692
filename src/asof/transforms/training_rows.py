"""The rows of a training set: labels with outcomes and the features known at their cut-offs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from asof.features.label import Label
from asof.features.types import Schema
from asof.features.view import SEPARATOR, FeatureView
from asof.transforms.features_at import features_at
from asof.transforms.kernels.event_cutoffs import at_events
from asof.transforms.kernels.outcomes import outcomes
from asof.transforms.kernels.population import population


@dataclass(frozen=True)
class ViewRows:
    """A view with its rows: at least those of the entities that are asked about."""

    view: FeatureView
    columns: Schema
    features: Sequence[str]
    rows: pa.Table


@dataclass(frozen=True)
class Labelled:
    """Labels with outcomes, and the number of those left out since they are not mature."""

    rows: pa.Table
    immature: int


def labelled(
    label: Label,
    label_rows: pa.Table,
    complete_until: int,
    *,
    cutoff_rows: pa.Table | None = None,
    request: Sequence[str] = (),
    known_at: str = "respect",
) -> Labelled:
    """Keys, cutoff, `request`, and the outcome under the label's name.

    `cutoff_rows` are those whose event times are the cut-offs, with the columns `request`; None where
    cut-offs are on a grid.
    """
    if cutoff_rows is None:
        asked = population(label_rows, label, complete_until, known_at=known_at)
    else:
        asked = at_events(cutoff_rows, label, complete_until, request)
    found = outcomes(asked.labels, label_rows, label)
    return Labelled(asked.labels.append_column(label.name, found), asked.immature)


def with_features(
    rows: pa.Table, views: Sequence[ViewRows], *, strict: bool = False, known_at: str = "respect"
) -> pa.Table:
    """Labels with each view's features as known at their `cutoff`, called `view__feature`."""
    for item in views:
        found = features_at(rows, item.rows, item.view, item.columns, strict=strict, known_at=known_at)
        for name in item.features:
            rows = rows.append_column(f"{item.view.name}{SEPARATOR}{name}", found[name])
    return rows
