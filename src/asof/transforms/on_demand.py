"""Computing on-demand features: the same code offline and online."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pyarrow as pa

from asof.errors import DataError, DefinitionError, choices
from asof.features.on_demand import OnDemandFeatureView
from asof.features.service import Feature, feature_columns, on_demand_of
from asof.features.types import DType, Schema
from asof.features.view import SEPARATOR, FeatureView
from asof.storage.arrow_types import arrow_type
from asof.transforms.python_transforms import apply_transform, as_declared


def compute_on_demand(
    view: OnDemandFeatureView, rows: pa.Table, named_by: pa.Table | None = None
) -> pa.Table:
    """The view's features for each of `rows`, as columns `view__feature`.

    `rows` have the view's columns: those of the request, then the features that it is computed from.
    Errors tell a row by its values in `named_by`, else by its number.
    """
    outputs = apply_transform(view.transform, rows, f"OnDemandFeatureView {view.name!r}", named_by)
    return outputs.rename_columns([f"{view.name}{SEPARATOR}{name}" for name in outputs.column_names])


@dataclass(frozen=True)
class AskedFeatures:
    """The features that a service or training set asks for, once those of feature views are there.

    `columns` are the features `view__feature`, `on_demand` the on-demand views with the columns that
    each is computed from.
    """

    columns: tuple[str, ...]
    on_demand: tuple[tuple[OnDemandFeatureView, Schema], ...]

    def of(self, rows: pa.Table, own: Sequence[str], named_by: Sequence[str]) -> pa.Table:
        """The columns `own` of `rows`, then the features that are asked for, on-demand ones computed.

        DefinitionError where `rows` lack a column of the request, DataError where it has another type
        or a transform fails on a row, which is told by its values in `named_by`.
        """
        if not self.on_demand:
            return rows
        for view, columns in self.on_demand:
            given = pa.table({name: _given(view, rows, name, dtype) for name, dtype in columns.items()})
            computed = compute_on_demand(view, given, rows.select(list(named_by)))
            for name in computed.column_names:
                rows = rows.append_column(name, computed[name])
        return rows.select([*own, *self.columns])


def asked_features(features: Iterable[Feature], views: dict[str, FeatureView]) -> AskedFeatures:
    """What is asked for; `views` resolves views given by name."""
    features = tuple(features)
    on_demand = tuple((view, view.columns(views)) for view in on_demand_of(features))
    return AskedFeatures(tuple(feature_columns(features, views)), on_demand)


def _given(view: OnDemandFeatureView, rows: pa.Table, name: str, dtype: DType) -> pa.ChunkedArray:
    owner = f"OnDemandFeatureView {view.name!r}"
    if name not in rows.column_names:
        raise DefinitionError(
            f"{owner} needs a column {name!r} ({dtype!r}) of the labels; {choices(name, rows.column_names)}"
        )
    values = as_declared(rows[name], arrow_type(dtype.name))
    if values is None:
        raise DataError(f"{owner}: {name!r} is {rows[name].type} in the labels, expected {dtype!r}; cast it")
    return values
