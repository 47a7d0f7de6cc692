"""Feature services: the features that one model asks for."""

from __future__ import annotations

from collections.abc import Iterable

from asof.errors import DefinitionError
from asof.features.definition import assign, check_each, check_name, check_unique, definition
from asof.features.on_demand import OnDemandFeatureView
from asof.features.types import DType, Schema
from asof.features.view import SEPARATOR, FeatureView, Selection, feature_types, views_of

Feature = FeatureView | Selection | OnDemandFeatureView


@definition
class FeatureService:
    """Features that are looked up together, from one or more views."""

    name: str
    features: tuple[Feature, ...]

    def __init__(self, name: str, *, features: Iterable[Feature]) -> None:
        check_name("FeatureService", name)
        owner = f"FeatureService {name!r}"
        assign(self, name=name, features=check_features(owner, features))
        if not self.views:
            raise DefinitionError(f"{owner} has no feature view, so no keys to look up; give it one")
        check_request(owner, self.features, _keys(owner, self.views))

    @property
    def views(self) -> tuple[FeatureView, ...]:
        """The feature views that are read, for the service's own features or for its on-demand ones."""
        return views_of(stored_features(self.features))

    @property
    def request(self) -> Schema:
        """The columns that come with a request."""
        return request_of(self.features)


def check_features(owner: str, features: object) -> tuple[Feature, ...]:
    """Views, selections of views and on-demand views, each once."""
    listed = check_each(owner, "features", features, (FeatureView, Selection, OnDemandFeatureView))
    if not listed:
        raise DefinitionError(f"{owner} has no features; give it feature views")
    check_unique(owner, "views", (_view(item).name for item in listed))
    return listed


def check_request(owner: str, features: Iterable[Feature], keys: Iterable[str]) -> None:
    """DefinitionError where a column of the request is a key, or has two types in on-demand views."""
    columns = Schema({})
    for view in on_demand_of(features):
        for name, dtype in view.request.items():
            if columns.get(name, dtype) != dtype:
                raise DefinitionError(
                    f"{owner}: request column {name!r} is {dtype!r} in {view.name!r} "
                    f"but {columns[name]!r} before it"
                )
            if name in keys:
                raise DefinitionError(f"{owner}: request column {name!r} of {view.name!r} is also a key")
        columns = columns | view.request


def on_demand_of(features: Iterable[Feature]) -> tuple[OnDemandFeatureView, ...]:
    """The on-demand views among features."""
    return tuple(item for item in features if isinstance(item, OnDemandFeatureView))


def request_of(features: Iterable[Feature]) -> Schema:
    """The columns that on-demand views among features ask of a request."""
    columns = Schema({})
    for view in on_demand_of(features):
        columns = columns | view.request
    return columns


def stored_features(features: Iterable[Feature]) -> tuple[FeatureView | Selection, ...]:
    """What of feature views is read for features: for those of the views themselves and for on-demand ones.

    Each view is there once, whole where it is asked for whole.
    """
    asked: dict[str, FeatureView | Selection] = {}
    for item in _with_inputs(features):
        name = _view(item).name
        asked[name] = _both(asked[name], item) if name in asked else item
    return tuple(asked.values())


def feature_columns(features: Iterable[Feature], views: dict[str, FeatureView]) -> Schema:
    """The columns of features, named `view__feature`, with their types; on-demand ones come last."""
    features = tuple(features)
    columns: dict[str, DType] = {}
    for item in features:
        if not isinstance(item, OnDemandFeatureView):
            columns.update(feature_types(item, views))
    for view in on_demand_of(features):
        columns.update({f"{view.name}{SEPARATOR}{name}": view.outputs[name] for name in view.outputs})
    return Schema(columns)


def _view(item: Feature) -> FeatureView | OnDemandFeatureView:
    return item.view if isinstance(item, Selection) else item


def _with_inputs(features: Iterable[Feature]) -> list[FeatureView | Selection]:
    features = tuple(features)
    own = [item for item in features if not isinstance(item, OnDemandFeatureView)]
    return own + [item for view in on_demand_of(features) for item in view.features]


def _both(one: FeatureView | Selection, other: FeatureView | Selection) -> FeatureView | Selection:
    if isinstance(one, Selection) and isinstance(other, Selection):
        return Selection(one.view, tuple(dict.fromkeys((*one.names, *other.names))))
    return one.view if isinstance(one, Selection) else one


def _keys(owner: str, views: Iterable[FeatureView]) -> dict[str, DType]:
    keys: dict[str, DType] = {}
    for view in views:
        for key, dtype in view.entity.keys.items():
            if keys.setdefault(key, dtype) != dtype:
                raise DefinitionError(
                    f"{owner}: key {key!r} is {dtype!r} in view {view.name!r} but {keys[key]!r} before it"
                )
    return keys
