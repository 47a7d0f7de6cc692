"""Feature views: features of an entity, computed from one source."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from asof.errors import DefinitionError, choices
from asof.features.aggregates import Aggregate, AggregateFunction, FunctionFeature, WindowFeature
from asof.features.cleaning import Derive
from asof.features.definition import assign, check_each, check_name, check_type, check_unique, definition
from asof.features.durations import Duration
from asof.features.entity import Entity
from asof.features.source import Source
from asof.features.transform import Transform
from asof.features.types import DType, Schema

SEPARATOR = "__"
"""Stands between a view's name and its feature's in the columns of a training set."""

ViewFeature = str | Aggregate | AggregateFunction
"""What a view lists: a column's name, or an aggregate of one or more features."""


@definition
class FeatureView:
    """Features of `entity`, computed from the rows of `source`.

    `features` are names of columns (the value in the one row that holds at the cut-off) and
    aggregates over windows of rows. With `ttl`, a row older than that at the cut-off holds no more;
    online, aggregates that were published longer ago than that count as expired.

    `enrich` adds to each row, before the features, those of other views as they were at the row's
    event time, in columns named `view__feature`; the source must have those views' keys. A view
    may be given by its name. `derive` then adds computed columns, and `transform` those that a function
    in Python computes.
    """

    name: str
    entity: Entity
    source: Source
    features: tuple[ViewFeature, ...]
    ttl: Duration | None
    enrich: tuple[FeatureView | str, ...]
    derive: tuple[Derive, ...]
    transform: Transform | None

    def __init__(
        self,
        name: str,
        *,
        entity: Entity,
        source: Source,
        features: Iterable[ViewFeature],
        ttl: str | timedelta | Duration | None = None,
        enrich: Iterable[FeatureView | str] = (),
        derive: Iterable[Derive] = (),
        transform: Transform | None = None,
    ) -> None:
        check_name("FeatureView", name)
        owner = f"FeatureView {name!r}"
        assign(
            self,
            name=name,
            entity=check_type(owner, "entity", entity, Entity),
            source=check_type(owner, "source", source, Source),
            features=check_each(owner, "features", features, (str, Aggregate, AggregateFunction)),
            ttl=None if ttl is None else Duration.positive(ttl, f"{owner}: ttl"),
            enrich=check_each(owner, "enrich", enrich, (FeatureView, str)),
            derive=check_each(owner, "derive", derive, (Derive,)),
            transform=None if transform is None else check_type(owner, "transform", transform, Transform),
        )
        if not self.features:
            columns = ", ".join(source.columns)
            raise DefinitionError(f"{owner} has no features; {source.name!r} has the columns {columns}")
        check_keys(owner, entity, source)
        check_unique(owner, "views in enrich", map(_name_of, self.enrich))
        if not self.waits:
            self.check({})

    @property
    def waits(self) -> bool:
        """Whether it, or a view that enriches it, refers to one by name, so that it can't be checked yet."""
        return any(isinstance(other, str) or other.waits for other in self.enrich)

    @property
    def has_functions(self) -> bool:
        """Whether functions in Python compute any of it."""
        return self.transform is not None or any(isinstance(f, AggregateFunction) for f in self.features)

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
        columns = self.enriched_columns(views)
        for step in self.derive:
            if step.name in self.entity.keys:
                raise DefinitionError(f"{owner}: derive {step.name!r} would replace a key; give another name")
            columns = step.after(owner, columns)
        return columns if self.transform is None else self.transform.after(owner, columns, self.entity.keys)

    def enriched_columns(self, views: dict[str, FeatureView]) -> Schema:
        """The columns of the rows before any is computed from them: the source's and those of `enrich`."""
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
        return columns

    def select(self, *names: str) -> Selection:
        """Some of the view's features, by name (`amount_sum_7d`), for a training set or service."""
        selection = Selection(self, check_each(f"FeatureView {self.name!r}", "selected", names, (str,)))
        if not self.waits:
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


def expand(view: FeatureView, columns: Schema) -> tuple[Attribute | WindowFeature | FunctionFeature, ...]:
    """Each single feature of a view whose rows have `columns`, with its name and type, in order."""
    expanded: list[Attribute | WindowFeature | FunctionFeature] = []
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


def views_of(features: Iterable[FeatureView | Selection]) -> tuple[FeatureView, ...]:
    """The views that features are taken from."""
    return tuple(item.view if isinstance(item, Selection) else item for item in features)


def feature_types(item: FeatureView | Selection, views: dict[str, FeatureView]) -> Schema:
    """The features of a view, or those selected, as columns `view__feature` with their types."""
    (view,) = views_of([item])
    types = {feature.name: feature.dtype for feature in expand(view, view.columns(views))}
    names = item.names if isinstance(item, Selection) else types
    return Schema({f"{view.name}{SEPARATOR}{name}": types[name] for name in names})


def feature_view(
    *,
    entity: Entity,
    source: Source,
    outputs: Mapping[str, DType | str],
    features: Iterable[ViewFeature] | None = None,
    inputs: Iterable[str] | None = None,
    frame: str = "arrow",
    ttl: str | timedelta | Duration | None = None,
    enrich: Iterable[FeatureView | str] = (),
    derive: Iterable[Derive] = (),
    name: str | None = None,
) -> Callable[[Callable[[Any], Any]], FeatureView]:
    """Make the function below it the transform of a `FeatureView`, called after it unless `name` is given.

    The view's features are the outputs unless `features` says otherwise; arguments as of
    `FeatureView` and `Transform`.
    """

    def define(function: Callable[[Any], Any]) -> FeatureView:
        transform = Transform(function, outputs=outputs, inputs=inputs, frame=frame)
        return FeatureView(
            name or transform.function.name,
            entity=entity,
            source=source,
            features=list(transform.outputs) if features is None else features,
            ttl=ttl,
            enrich=enrich,
            derive=derive,
            transform=transform,
        )

    return define


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


def _resolve(owner: str, name: str, views: dict[str, FeatureView]) -> FeatureView:
    if name not in views:
        raise DefinitionError(f"{owner}: no feature view is named {name!r}; {choices(name, views)}")
    return views[name]
