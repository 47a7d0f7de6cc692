"""Feature views: features of an entity, computed from one source."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from asof.errors import DefinitionError, choices
from asof.features.aggregates import Aggregate, WindowFeature
from asof.features.cleaning import Derive
from asof.features.definition import assign, check_each, check_name, check_type, check_unique, definition
from asof.features.durations import Duration
from asof.features.entity import Entity
from asof.features.source import Source
from asof.features.types import DType, Schema

SEPARATOR = "__"
"""Stands between a view's name and its feature's in the columns of a training set."""


@definition
class FeatureView:
    """Features of `entity`, computed from the rows of `source`.

    `features` are names of columns (the value in the one row that holds at the cut-off) and
    aggregates over windows of rows. With `ttl`, a row older than that at the cut-off holds no more;
    online, aggregates that were published longer ago than that count as expired.

    `enrich` adds to each row, before the features, those of other views as they were at the row's
    event time, in columns named `view__feature`; the source must have those views' keys. A view
    may be given by its name. `derive` then adds computed columns.
    """

    name: str
    entity: Entity
    source: Source
    features: tuple[str | Aggregate, ...]
    ttl: Duration | None
    enrich: tuple[FeatureView | str, ...]
    derive: tuple[Derive, ...]

    def __init__(
        self,
        name: str,
        *,
        entity: Entity,
        source: Source,
        features: Iterable[str | Aggregate],
        ttl: str | timedelta | Duration | None = None,
        enrich: Iterable[FeatureView | str] = (),
        derive: Iterable[Derive] = (),
    ) -> None:
        check_name("FeatureView", name)
        owner = f"FeatureView {name!r}"
        assign(
            self,
            name=name,
            entity=check_type(owner, "entity", entity, Entity),
            source=check_type(owner, "source", source, Source),
            features=check_each(owner, "features", features, (str, Aggregate)),
            ttl=None if ttl is None else Duration.positive(ttl, f"{owner}: ttl"),
            enrich=check_each(owner, "enrich", enrich, (FeatureView, str)),
            derive=check_each(owner, "derive", derive, (Derive,)),
        )
        if not self.features:
            columns = ", ".join(source.columns)
            raise DefinitionError(f"{owner} has no features; {source.name!r} has the columns {columns}")
        check_keys(owner, entity, source)
        check_unique(owner, "views in enrich", map(_name_of, self.enrich))
        if not _waits(self):
            self.check({})

    def check(self, views: dict[str, FeatureView]) -> None:
        """DefinitionError where the features don't fit the columns; `views` resolves views given by name."""
        columns = self.columns(views)
        owner = f"FeatureView {self.name!r}"
        for feature in self.features:
            if isinstance(feature, str):
                columns.require(owner, "feature", feature)
            else:
                feature.check(owner, columns)
        names = [feature.name for feature in expand(self, columns)]
        check_unique(owner, "features", names, "; tell them apart with name=")

    def enriching(self, views: dict[str, FeatureView]) -> tuple[FeatureView, ...]:
        """The views in `enrich`, those given by name looked up in `views`."""
        return tuple(
            _resolve(f"FeatureView {self.name!r}", view, views) if isinstance(view, str) else view
            for view in self.enrich
        )

    def columns(self, views: dict[str, FeatureView]) -> Schema:
        """The columns of the rows that the features are computed from."""
        owner = f"FeatureView {self.name!r}"
        columns = self.source.columns
        for view in self.enriching(views):
            check_keys(f"{owner}: enrich with {view.name!r}", view.entity, self.source)
            added = expand(view, view.columns(views))
            names = {f"{view.name}{SEPARATOR}{feature.name}": feature.dtype for feature in added}
            for name in names.keys() & columns.keys():
                raise DefinitionError(
                    f"{owner}: enrich with {view.name!r} adds {name!r}, which is already a column of "
                    f"{self.source.name!r}; rename that one"
                )
            columns = columns | names
        for step in self.derive:
            if step.name in self.entity.keys:
                raise DefinitionError(f"{owner}: derive {step.name!r} would replace a key; give another name")
            columns = step.after(owner, columns)
        return columns

    def select(self, *names: str) -> Selection:
        """Some of the view's features, by name (`amount_sum_7d`), for a training set or service."""
        selection = Selection(self, check_each(f"FeatureView {self.name!r}", "selected", names, (str,)))
        if not _waits(self):
            selection.check({})
        return selection


@dataclass(frozen=True)
class Attribute:
    """A feature that is the value of a column in the row that holds at the cut-off."""

    name: str
    dtype: DType

    @property
    def columns(self) -> frozenset[str]:
        return frozenset({self.name})


def expand(view: FeatureView, columns: Schema) -> tuple[Attribute | WindowFeature, ...]:
    """Each single feature of a view whose rows have `columns`, with its name and type, in order."""
    expanded: list[Attribute | WindowFeature] = []
    for feature in view.features:
        if isinstance(feature, str):
            expanded.append(Attribute(feature, columns[feature]))
        else:
            expanded.extend(feature.expand(columns))
    return tuple(expanded)


@dataclass(frozen=True)
class Selection:
    """Some features of a view, by name."""

    view: FeatureView
    names: tuple[str, ...]

    def __repr__(self) -> str:
        return f"{self.view.name}.select({', '.join(map(repr, self.names))})"

    def check(self, views: dict[str, FeatureView]) -> None:
        """DefinitionError where the view has no such features; `views` resolves views given by name."""
        owner = f"FeatureView {self.view.name!r}"
        known = [feature.name for feature in expand(self.view, self.view.columns(views))]
        if not self.names:
            raise DefinitionError(f"{owner}: select() names no feature; {choices('', known)}")
        for name in self.names:
            if name not in known:
                raise DefinitionError(f"{owner} has no feature {name!r}; {choices(name, known)}")
        check_unique(owner, "selected features", self.names)


def check_keys(owner: str, entity: Entity, source: Source) -> None:
    """DefinitionError where `source` lacks a key of `entity` or has it in another type."""
    for key, dtype in entity.keys.items():
        found = source.columns.require(owner, f"key of {entity.name!r}", key)
        if found != dtype:
            raise DefinitionError(
                f"{owner}: key {key!r} is {dtype!r} in entity {entity.name!r} "
                f"but {found!r} in source {source.name!r}"
            )


def _name_of(view: FeatureView | str) -> str:
    return view if isinstance(view, str) else view.name


def _waits(view: FeatureView) -> bool:
    """Whether a view, or one that enriches it, refers to another by name, so that it can't be checked yet."""
    return any(isinstance(other, str) or _waits(other) for other in view.enrich)


def _resolve(owner: str, name: str, views: dict[str, FeatureView]) -> FeatureView:
    if name not in views:
        raise DefinitionError(f"{owner}: no feature view is named {name!r}; {choices(name, views)}")
    return views[name]
