"""What changes of definitions would break for others, which the definitions themselves can't tell.

A model asks a service that was applied for features by name and looks entities up by their keys; an
application pushes rows to a source; a training set has versions that models were trained on.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from asof.errors import AsofError
from asof.features.dependents import Described, affected
from asof.features.diff import diff
from asof.features.graph import Definitions
from asof.features.restoring import restore
from asof.features.service import Feature, FeatureService, feature_columns
from asof.features.view import SEPARATOR, expand

_SHOWN = 5
_NAMING = ("features", "transform")
"""Parts of a view that its features have their names from."""


@dataclass(frozen=True)
class Break:
    """Something applied that others use, by its key, and what would be the matter with it."""

    key: str
    what: str


def breaks(applied: Described, definitions: Definitions, built: Collection[str]) -> tuple[Break, ...]:
    """What would break if `definitions` took the place of those applied.

    `built` are the names of the training sets that have versions.
    """
    changes = diff(applied, definitions.described)
    changed = affected([change.key for change in changes], applied)
    users = {*changed, *(user for found in changed.values() for user in found)}
    columns = _Columns(applied, definitions)
    found = [(key, _broken(key, columns, built)) for key in sorted(users & applied.keys())]
    return tuple(Break(key, what) for key, each in found for what in each)


def _broken(key: str, columns: _Columns, built: Collection[str]) -> Iterator[str]:
    kind, _, name = key.partition("/")
    applied, now = columns.applied[key], columns.described.get(key)
    if kind == "service":
        yield from _service(key, columns) if now else ["is removed: lookups of it fail"]
    elif kind == "training_set" and name in built and now is None:
        yield "is removed, though versions of it were built: no new ones can be"
    elif kind == "training_set" and name in built and now == applied:
        if lost := columns.lost(key):
            yield f"loses {_listed(lost)}, which versions of it have"
    elif kind == "source" and now is None and _kind_of(applied.get("reader")) == "Push":
        yield "is removed: rows that are pushed to it are refused"


def _service(key: str, columns: _Columns) -> Iterator[str]:
    before, service = columns.applied[key], columns.definitions.services[key.partition("/")[2]]
    if lost := columns.lost(key):
        yield f"loses {_listed(lost)}"
    keys, applied = _keys(service), _keys_applied(before, columns.applied)
    if applied != keys:
        yield f"is looked up by {_listed([*keys])} instead of {_listed([*applied])}"
    if asked := [name for name in service.request if name not in _request_applied(before, columns.applied)]:
        yield f"asks for {_listed(asked)} with each request"


class _Columns:
    """The columns of features, as they were applied and as they are defined now."""

    def __init__(self, applied: Described, definitions: Definitions) -> None:
        self.applied: Mapping[str, Mapping[str, Any]] = applied
        self.described: Mapping[str, Mapping[str, Any]] = definitions.described
        self.definitions = definitions
        self._names: dict[str, list[str]] = {}

    def lost(self, key: str) -> list[str]:
        """The columns that a service or training set had and has no more."""
        before, after = (of[key]["features"] for of in (self.applied, self.described))
        if before == after and not any(map(self._differs, before)):
            return []
        now = feature_columns(self._features(key), dict(self.definitions.views))
        return [name for item in before for name in self._applied(item) if name not in now]

    def _features(self, user: str) -> tuple[Feature, ...]:
        kind, _, name = user.partition("/")
        of = self.definitions
        return of.services[name].features if kind == "service" else of.training_sets[name].features

    def _differs(self, item: Any) -> bool:
        key = _view(item)
        before, after = self.applied[key], self.described.get(key)
        return after is None or any(before.get(part) != after.get(part) for part in _NAMING)

    def _applied(self, item: Any) -> list[str]:
        key = _view(item)
        names = self._names_of(key) if isinstance(item, str) else item["names"]
        return [f"{key.partition('/')[2]}{SEPARATOR}{name}" for name in names]

    def _names_of(self, view: str) -> list[str]:
        """The names of a view's features; where code of them is gone, those that were written down."""
        if view not in self._names:
            try:
                restored = restore(self.applied, self.definitions, [view])
                self._names[view] = [*_names(restored, view.partition("/")[2])]
            except AsofError:
                self._names[view] = _names_written(self.applied[view])
        return self._names[view]


def _names(definitions: Definitions, name: str) -> Iterable[str]:
    if name in definitions.on_demand:
        return definitions.on_demand[name].outputs
    view = definitions.views[name]
    return [feature.name for feature in expand(view, view.columns(dict(definitions.views)))]


def _names_written(view: Mapping[str, Any]) -> list[str]:
    if view["kind"] == "OnDemandFeatureView":
        return [name for name, _ in view["transform"]["outputs"]]
    return [feature for feature in view["features"] if isinstance(feature, str)]


def _view(item: Any) -> str:
    """The key of the view of an item of features."""
    return str(item if isinstance(item, str) else item["view"])


def _keys(service: FeatureService) -> dict[str, str]:
    return {name: dtype.name for view in service.views for name, dtype in view.entity.keys.items()}


def _keys_applied(service: Mapping[str, Any], applied: Mapping[str, Any]) -> dict[str, str]:
    return {
        name: dtype
        for view in _views_applied(service["features"], applied)
        for name, dtype in applied[applied[view]["entity"]]["keys"]
    }


def _views_applied(features: list[Any], applied: Mapping[str, Any]) -> Iterator[str]:
    """The keys of the views that are read for features, those for on-demand ones included."""
    for item in features:
        key = _view(item)
        if key.startswith("on_demand/"):
            yield from _views_applied(applied[key]["features"], applied)
        else:
            yield key


def _request_applied(service: Mapping[str, Any], applied: Mapping[str, Any]) -> dict[str, str]:
    on_demand = (
        item for item in service["features"] if isinstance(item, str) and item.startswith("on_demand/")
    )
    return {name: dtype for key in on_demand for name, dtype in applied[key]["request"]}


def _kind_of(described: Any) -> str:
    return str(described["kind"]) if isinstance(described, dict) else ""


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:_SHOWN])
    return f"{shown} and {len(names) - _SHOWN} more" if len(names) > _SHOWN else shown
