"""Services as they can be answered now: what was applied, together with what is online."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from asof.errors import Conflict, DefinitionError, NotFound, choices
from asof.features.view import SEPARATOR
from asof.storage.catalogue import Catalogue, Revision, TableVersion
from asof.storage.online.store import Key, OnlineRow, OnlineStore, Published

Row = tuple[tuple[Any, ...], tuple[Any, ...], tuple[int | None, ...]]
"""Of one entity: the features' values, their statuses and their event times."""


@dataclass(frozen=True, slots=True)
class ServedView:
    """Some columns of a view's live generation: `columns` maps their names to dtype names.

    `positions` are their places in a stored row, `absent` their values where an entity has no row,
    `ttl` how long a row holds, in nanoseconds.
    """

    published: Published
    columns: Mapping[str, str]
    positions: tuple[int, ...]
    absent: tuple[Any, ...]
    ttl: int | None

    def row(self, found: OnlineRow | None, now: int) -> Row:
        """What a stored row is at `now` (ns since 1970-01-01 UTC)."""
        width = len(self.positions)
        if found is None:
            return self.absent, ("not_found",) * width, (None,) * width
        time, stored = found
        if self.ttl is not None and time < now - self.ttl:
            return (None,) * width, ("expired",) * width, (time,) * width
        values = tuple([stored[at] for at in self.positions])
        statuses = tuple(["null" if value is None else "present" for value in values])
        return values, statuses, (time,) * width


@dataclass(frozen=True, slots=True)
class ServedService:
    """A service whose views are all online.

    `keys` and `features` map names to dtype names; `as_of` is the time up to which all of its views
    speak, in ns since 1970-01-01 UTC.
    """

    name: str
    views: tuple[ServedView, ...]
    keys: Mapping[str, str]
    features: Mapping[str, str]
    as_of: int

    def requests(self, keys: Sequence[Key]) -> list[tuple[str, Sequence[Key]]]:
        """For each view what to read from it, for keys in the order of `keys`."""
        return [(view.published.view, self._of(view, keys)) for view in self.views]

    def rows(self, found: Sequence[Sequence[OnlineRow | None]], now: int) -> list[Row]:
        """The rows of all views, as they were read for `requests`, side by side."""
        by_view = [[view.row(row, now) for row in rows] for view, rows in zip(self.views, found, strict=True)]
        return by_view[0] if len(by_view) == 1 else [_joined(parts) for parts in zip(*by_view, strict=True)]

    def _of(self, view: ServedView, keys: Sequence[Key]) -> Sequence[Key]:
        order = tuple(self.keys)
        if view.published.keys == order:
            return keys
        places = [order.index(name) for name in view.published.keys]
        return [tuple([key[at] for at in places]) for key in keys]


def definitions_of(revision: Revision, kind: str) -> dict[str, Any]:
    """The applied definitions of a kind, as in "service", by name."""
    prefix = f"{kind}/"
    return {
        key.removeprefix(prefix): definition
        for key, definition in revision.definitions.items()
        if key.startswith(prefix)
    }


def resolve(
    name: str, definition: Mapping[str, Any], catalogue: Catalogue, store: OnlineStore
) -> ServedService:
    """The service of that name and definition, on the generations that are live.

    NotFound where a view isn't online yet or lacks a feature, Conflict where one is just being
    published by another definition, DefinitionError where views differ in the type of a key.
    """
    owner = f"service {name!r}"
    views = [_view(owner, feature, catalogue, store) for feature in definition["features"]]
    features = {
        f"{view.published.view}{SEPARATOR}{column}": dtype
        for view in views
        for column, dtype in view.columns.items()
    }
    as_of = min(view.published.as_of for view in views)
    return ServedService(name, tuple(views), _keys(owner, views), features, as_of)


def _view(
    owner: str, feature: str | Mapping[str, Any], catalogue: Catalogue, store: OnlineStore
) -> ServedView:
    key, names = (feature, None) if isinstance(feature, str) else (feature["view"], feature["names"])
    view = key.removeprefix("view/")
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
