"""Services as they can be answered now: what was applied, together with what is online."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain
from typing import Any

from asof.errors import Conflict, DefinitionError, NotFound, choices
from asof.features.view import SEPARATOR
from asof.serving.on_demand import OnDemand, OnDemandFunction, OnDemandFunctions, served_on_demand
from asof.serving.vectors import Row
from asof.storage.catalogue import Catalogue, Revision, TableVersion
from asof.storage.online.store import Key, OnlineRow, OnlineStore, Published

EARLIEST = -(2**63)


@dataclass(frozen=True, slots=True)
class ServedView:
    """Some columns of a view's live generation: `columns` maps their names to dtype names.

    `positions` are their places in a stored row, `absent` their values where an entity has no row,
    `ttl` how long a row holds, in nanoseconds. No row is of a time before `least`: where an entity's
    aggregates do not change from one moment to the next, its row stays as it was stored.
    """

    published: Published
    columns: Mapping[str, str]
    positions: tuple[int, ...]
    absent: tuple[Any, ...]
    ttl: int | None
    least: int

    def rows(self, found: Sequence[OnlineRow | None], now: int) -> list[Row]:
        """What stored rows are at `now` (ns since 1970-01-01 UTC)."""
        width = len(self.positions)
        absent: Row = self.absent, ("not_found",) * width, (None,) * width
        oldest = None if self.ttl is None else now - self.ttl
        whole = self.positions == tuple(range(len(self.published.columns)))
        return [absent if row is None else self._row(row, width, oldest, whole) for row in found]

    def _row(self, found: OnlineRow, width: int, oldest: int | None, whole: bool) -> Row:
        time, values = found
        time = max(time, self.least)
        times = (time,) * width
        if oldest is not None and time < oldest:
            return (None,) * width, ("expired",) * width, times
        if not whole:
            values = tuple([values[at] for at in self.positions])
        if None not in values:
            return values, ("present",) * width, times
        return values, tuple(["null" if value is None else "present" for value in values]), times


@dataclass(frozen=True, slots=True)
class ServedService:
    """A service, or features that were asked for by name, whose views are all online.

    `name` is empty where features were asked for. `keys` and `features` map names to dtype names;
    `as_of` is the time up to which all of its views speak, in ns since 1970-01-01 UTC. On-demand features
    come after those that are read.
    """

    name: str
    views: tuple[ServedView, ...]
    keys: Mapping[str, str]
    features: Mapping[str, str]
    as_of: int
    on_demand: OnDemand | None = None

    @property
    def owner(self) -> str:
        """What it is called in errors."""
        return _owner(self.name)

    @property
    def request(self) -> Mapping[str, str]:
        """The columns that come with each request, with their dtype names."""
        return {} if self.on_demand is None else self.on_demand.request

    def requests(self, keys: Sequence[Key]) -> list[tuple[str, Sequence[Key]]]:
        """For each view what to read from it, for keys in the order of `keys`."""
        return [(view.published.view, self._of(view, keys)) for view in self.views]

    def rows(self, found: Sequence[Sequence[OnlineRow | None]], now: int) -> list[Row]:
        """The rows of all views, as they were read for `requests`, side by side."""
        by_view = [view.rows(rows, now) for view, rows in zip(self.views, found, strict=True)]
        return by_view[0] if len(by_view) == 1 else [_joined(parts) for parts in zip(*by_view, strict=True)]

    def _of(self, view: ServedView, keys: Sequence[Key]) -> Sequence[Key]:
        order = tuple(self.keys)
        if view.published.keys == order:
            return keys
        places = [order.index(name) for name in view.published.keys]
        return [tuple([key[at] for at in places]) for key in keys]


Features = Sequence[str | Mapping[str, Any]]
"""What is asked for, as definitions are written down: all of a view, or a selection of its features."""


def features_named(names: Sequence[str], applied: Mapping[str, Any]) -> Features:
    """Features that are given by their names, `view__feature`; NotFound for a view that isn't applied."""
    return [_feature_named(name, applied) for name in names]


def _feature_named(name: str, applied: Mapping[str, Any]) -> Mapping[str, Any]:
    view, separator, feature = name.partition(SEPARATOR)
    if not separator:
        raise DefinitionError(f"feature {name!r}: write it as view{SEPARATOR}feature")
    for kind in ("view", "on_demand"):
        if f"{kind}/{view}" in applied:
            return {"view": f"{kind}/{view}", "names": [feature]}
    views = [key.partition("/")[2] for key in applied if key.startswith(("view/", "on_demand/"))]
    raise NotFound(f"no feature view {view!r} is applied; {choices(view, views)}")


def resolve(
    name: str,
    features: Features,
    applied: Mapping[str, Any],
    catalogue: Catalogue,
    store: OnlineStore,
    functions: OnDemandFunctions,
) -> ServedService:
    """The service of those features, of the definitions that are `applied`, on the generations that are live.

    NotFound where a view isn't online yet or lacks a feature, Conflict where one is just being
    published by another definition, DefinitionError where views differ in the type of a key.
    """
    owner, asked = _owner(name), [_asked(feature) for feature in features]
    own = [item for item in asked if item.kind == "view"]
    computed = {item.name: applied[f"on_demand/{item.name}"] for item in asked if item.kind == "on_demand"}
    inputs = {name: [_asked(feature) for feature in view["features"]] for name, view in computed.items()}
    views = [
        _view(owner, item, catalogue, store)
        for item in _merged([*own, *chain.from_iterable(inputs.values())])
    ]
    served = ServedService(
        name,
        tuple(views),
        _keys(owner, views),
        _features(views),
        min(v.published.as_of for v in views),
    )
    return served if not computed else _on_demand(served, own, computed, inputs, functions())


def _owner(name: str) -> str:
    return f"service {name!r}" if name else "what was asked for"


def _on_demand(
    served: ServedService,
    own: Sequence[_Asked],
    computed: Mapping[str, Mapping[str, Any]],
    inputs: Mapping[str, Sequence[_Asked]],
    functions: Mapping[str, OnDemandFunction],
) -> ServedService:
    """A service with its on-demand views, of what is read for itself and for them."""
    read = served.features
    views = [
        served_on_demand(served.owner, name, applied, _chosen(read, inputs[name]), functions)
        for name, applied in computed.items()
    ]
    given = _chosen(read, own)
    features = given | {name: dtype for view in views for name, dtype in view.outputs.items()}
    request = {name: dtype for view in views for name, dtype in view.request.items()}
    places = tuple(list(read).index(name) for name in given)
    return replace(served, features=features, on_demand=OnDemand(request, tuple(read), places, tuple(views)))


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a definition asks for: all features of a view or on-demand view, or those of some names."""

    kind: str
    name: str
    features: tuple[str, ...] | None

    def columns(self, read: Iterable[str]) -> list[str]:
        """The columns `view__feature` that are asked for, among those that are read."""
        if self.features is None:
            return [column for column in read if column.partition(SEPARATOR)[0] == self.name]
        return [f"{self.name}{SEPARATOR}{feature}" for feature in self.features]


def _asked(feature: str | Mapping[str, Any]) -> _Asked:
    key, names = (feature, None) if isinstance(feature, str) else (feature["view"], tuple(feature["names"]))
    kind, _, name = key.partition("/")
    return _Asked(kind, name, names)


def _merged(asked: Sequence[_Asked]) -> list[_Asked]:
    """Each view once, with all of its features that are asked for anywhere."""
    merged: dict[str, _Asked] = {}
    for item in asked:
        before = merged.get(item.name, item)
        both = None if before.features is None or item.features is None else before.features + item.features
        merged[item.name] = replace(item, features=both and tuple(dict.fromkeys(both)))
    return list(merged.values())


def _chosen(read: Mapping[str, str], asked: Sequence[_Asked]) -> dict[str, str]:
    return {column: read[column] for item in asked for column in item.columns(read)}


def _features(views: Sequence[ServedView]) -> dict[str, str]:
    return {
        f"{view.published.view}{SEPARATOR}{column}": dtype
        for view in views
        for column, dtype in view.columns.items()
    }


def _view(owner: str, asked: _Asked, catalogue: Catalogue, store: OnlineStore) -> ServedView:
    view, names = asked.name, asked.features
    published = store.live(view)
    version = catalogue.current(f"online/{view}")
    if published is None or version is None:
        raise NotFound(f"{owner}: feature view {view!r} is not online yet; publish it with: asof run")
    _check_details(view, published, version, catalogue)
    columns = list(published.columns)
    picked = columns if names is None else [_require(owner, published, name) for name in names]
    positions = tuple(columns.index(column) for column in picked)
    absent = version.details["absent"]
    return ServedView(
        published,
        {column: published.columns[column] for column in picked},
        positions,
        tuple(absent[at] for at in positions),
        version.details["ttl"],
        published.as_of if version.details["aggregates"] else EARLIEST,
    )


def _require(owner: str, published: Published, name: str) -> str:
    if name not in published.columns:
        raise NotFound(
            f"{owner}: {published.view!r} has no feature {name!r} online; "
            f"{choices(name, published.columns)}; publish it with: asof run"
        )
    return name


def _check_details(view: str, published: Published, version: TableVersion, catalogue: Catalogue) -> None:
    """A generation goes live before the catalogue tells its details: those of the one before must fit it."""
    if published.generation != version.version and _redefined(
        catalogue.revisions(), f"view/{view}", version.committed_at
    ):
        raise Conflict(
            f"feature view {view!r} is being published by a new definition: ask again; "
            "where it stays so, finish it with: asof run"
        )


def _redefined(revisions: Sequence[Revision], key: str, since: datetime) -> bool:
    """Whether a definition changed after a time; revisions come newest first."""
    for revision in revisions:
        if revision.definitions.get(key) != revisions[0].definitions.get(key):
            return True
        if revision.applied_at <= since:
            return False
    return False


def _keys(owner: str, views: Sequence[ServedView]) -> dict[str, str]:
    keys: dict[str, str] = {}
    for view in views:
        published = view.published
        for name, dtype in zip(published.keys, published.key_types, strict=True):
            if keys.setdefault(name, dtype) != dtype:
                raise DefinitionError(
                    f"{owner}: key {name!r} is {dtype} in {published.view!r} "
                    f"but {keys[name]} in another of its views"
                )
    return keys


def _joined(parts: Sequence[Row]) -> Row:
    values, statuses, times = zip(*parts, strict=True)
    return sum(values, ()), sum(statuses, ()), sum(times, ())
