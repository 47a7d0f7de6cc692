"""On-demand feature views: features computed when they are asked for, from what comes with the request."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from asof.errors import DefinitionError
from asof.features.definition import assign, check_each, check_name, check_type, check_unique, definition
from asof.features.transform import Transform
from asof.features.types import DType, Schema, check_columns
from asof.features.view import SEPARATOR, FeatureView, Selection, feature_types, views_of

CUTOFF = "cutoff"


@definition
class OnDemandFeatureView:
    """Features computed row by row from the columns `request`, which come with each request, and `features`.

    Offline the columns of the request are those of the labels or of the events that are the cut-offs. The
    transform is given them by their
    names and the features as `view__feature`.
    """

    name: str
    request: Schema
    features: tuple[FeatureView | Selection, ...]
    transform: Transform

    def __init__(
        self,
        name: str,
        *,
        transform: Transform,
        request: Mapping[str, DType | str] | None = None,
        features: Iterable[FeatureView | Selection] = (),
    ) -> None:
        check_name("OnDemandFeatureView", name)
        owner = f"OnDemandFeatureView {name!r}"
        check_type(owner, "request", request or {}, Mapping)  # type: ignore[type-abstract]
        assign(
            self,
            name=name,
            request=check_columns(owner, Schema(request or {})),
            features=check_each(owner, "features", features, (FeatureView, Selection)),
            transform=check_type(owner, "transform", transform, Transform),
        )
        check_unique(owner, "views", (view.name for view in self.views))
        _check_request(owner, self)
        if not any(view.waits for view in self.views):
            self.check({})

    @property
    def views(self) -> tuple[FeatureView, ...]:
        return views_of(self.features)

    @property
    def outputs(self) -> Schema:
        """The features, by name, with their types."""
        return self.transform.outputs

    def columns(self, views: dict[str, FeatureView]) -> Schema:
        """The columns that the transform is given; `views` resolves views given by name."""
        columns = self.request
        for item in self.features:
            columns = columns | feature_types(item, views)
        return columns

    def check(self, views: dict[str, FeatureView]) -> None:
        """DefinitionError where the transform does not fit the columns."""
        self.transform.after(f"OnDemandFeatureView {self.name!r}", self.columns(views))


def _check_request(owner: str, view: OnDemandFeatureView) -> None:
    if not view.request and not view.features:
        raise DefinitionError(
            f"{owner} computes from nothing; give it request, the columns of each request, or features"
        )
    keys = {key for of in view.views for key in of.entity.keys}
    for name in view.request:
        if SEPARATOR in name or name == CUTOFF or name in keys:
            what = "a key" if name in keys else "taken"
            raise DefinitionError(f"{owner}: request column {name!r}: that name is {what}; give another one")


def on_demand_feature_view(
    *,
    outputs: Mapping[str, DType | str],
    request: Mapping[str, DType | str] | None = None,
    features: Iterable[FeatureView | Selection] = (),
    inputs: Iterable[str] | None = None,
    frame: str = "arrow",
    name: str | None = None,
) -> Callable[[Callable[[Any], Any]], OnDemandFeatureView]:
    """Make the function below it an `OnDemandFeatureView`, called after it unless `name` is given."""

    def define(function: Callable[[Any], Any]) -> OnDemandFeatureView:
        transform = Transform(function, outputs=outputs, inputs=inputs, frame=frame)
        return OnDemandFeatureView(
            name or transform.function.name, transform=transform, request=request, features=features
        )

    return define
