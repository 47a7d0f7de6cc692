"""Features as they were: the offline answer to what a lookup answers online."""

from __future__ import annotations

import pyarrow as pa

from asof.features.graph import Definitions
from asof.features.service import FeatureService
from asof.features.view import SEPARATOR, FeatureView, Selection, expand
from asof.transforms.features_at import features_at
from asof.transforms.training_rows import ViewRows
from asof.workspace import Workspace


def historical(
    workspace: Workspace,
    definitions: Definitions,
    service: str,
    labels: pa.Table,
    *,
    strict: bool = False,
    known_at: str = "respect",
) -> pa.Table:
    """`labels` with the features of a service as they were known at each row's `cutoff`.

    Every row comes back once, in its place, with its own columns. `cutoff` is a timestamp with a zone.
    `strict` and `known_at` are as in `TrainingSet`.
    """
    rows = labels
    for item in definitions.named(FeatureService, service).features:
        of = view_rows(workspace, definitions, item)
        found = features_at(labels, of.rows, of.view, of.columns, strict=strict, known_at=known_at)
        for name in of.features:
            rows = rows.append_column(f"{of.view.name}{SEPARATOR}{name}", found[name])
    return rows


def view_rows(workspace: Workspace, definitions: Definitions, item: FeatureView | Selection) -> ViewRows:
    """A view's rows as they are now, with the features that are asked for."""
    view = item.view if isinstance(item, Selection) else item
    columns = view.columns(dict(definitions.views))
    names = item.names if isinstance(item, Selection) else [f.name for f in expand(view, columns)]
    return ViewRows(view, columns, names, workspace.read(f"views/{view.name}"))
