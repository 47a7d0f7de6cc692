"""The definitions of a project, and the graph of tables that they ask for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from types import MappingProxyType
from typing import Any, TypeVar

from asof.errors import DefinitionError, NotFound, choices
from asof.features.describe import KINDS, Definition, Json, definition_hash, describe, json_hash, key_of
from asof.features.entity import Entity
from asof.features.label import Label
from asof.features.on_demand import OnDemandFeatureView
from asof.features.service import Feature, FeatureService, on_demand_of
from asof.features.source import Source
from asof.features.training_set import TrainingSet
from asof.features.view import FeatureView, Selection, expand

D = TypeVar("D", Entity, Source, FeatureView, OnDemandFeatureView, Label, FeatureService, TrainingSet)


@dataclass(frozen=True)
class TableNode:
    """A table that definitions ask for.

    `name` is "raw/purchases", "clean/purchases", "views/spend", "labels/churned" or
    "cutoffs/churned"; `definition` a hash of all that its rows depend on besides its inputs' rows;
    `inputs` the tables it is made from.
    `appends` says whether new rows of its first input can be added without touching old ones.
    """

    name: str
    of: Source | FeatureView | Label
    definition: str
    inputs: tuple[str, ...]
    appends: bool


class Definitions:
    """All definitions of a project, by key; complete (what one refers to is in too) and free of cycles."""

    def __init__(self, given: Iterable[Definition]) -> None:
        self._by_key: dict[str, Definition] = {}
        for definition in given:
            self._add(definition)
        self._resolve()

    def _add(self, definition: Definition) -> None:
        if type(definition) not in KINDS:
            allowed = ", ".join(kind.__name__ for kind in KINDS)
            raise DefinitionError(f"{definition!r} is not a definition; allowed: {allowed}")
        key = key_of(definition)
        known = self._by_key.setdefault(key, definition)
        if known is definition:
            for reference in references(definition):
                self._add(reference)
        elif known != definition:
            kind, name = key.split("/")
            raise DefinitionError(
                f"two different definitions are named {kind} {name!r}, unlike in "
                f"{', '.join(_unlike(known, definition))}; rename one of them"
            )

    def _resolve(self) -> None:
        views = dict(self.views)
        order = topological({name: _enriched_by(view) for name, view in views.items()})
        for name in order:
            if name in views:
                views[name].check(views)
        users: tuple[FeatureService | TrainingSet | OnDemandFeatureView, ...] = (
            *self.on_demand.values(),
            *self.services.values(),
            *self.training_sets.values(),
        )
        for selection in _selections(item for user in users for item in user.features):
            selection.check(views)
        for on_demand in self.on_demand.values():
            on_demand.check(views)

    def __iter__(self) -> Iterator[Definition]:
        return iter(self._by_key.values())

    def __len__(self) -> int:
        return len(self._by_key)

    @property
    def sources(self) -> Mapping[str, Source]:
        return self._of(Source)

    @property
    def views(self) -> Mapping[str, FeatureView]:
        return self._of(FeatureView)

    @property
    def on_demand(self) -> Mapping[str, OnDemandFeatureView]:
        return self._of(OnDemandFeatureView)

    @property
    def labels(self) -> Mapping[str, Label]:
        return self._of(Label)

    @property
    def services(self) -> Mapping[str, FeatureService]:
        return self._of(FeatureService)

    @property
    def training_sets(self) -> Mapping[str, TrainingSet]:
        return self._of(TrainingSet)

    def _of(self, kind: type[D]) -> Mapping[str, D]:
        return MappingProxyType({item.name: item for item in self._by_key.values() if isinstance(item, kind)})

    def named(self, kind: type[D], name: str) -> D:
        """The definition of that kind and name; NotFound with the nearest match where there is none."""
        found = self._of(kind)
        if name not in found:
            raise NotFound(f"no {KINDS[kind]} is named {name!r}; {choices(name, found)}")
        return found[name]

    def made_of(self, wanted: Definition) -> Definitions:
        """The definitions that one is made of: itself, what it refers to, views given by name included."""
        found: dict[str, Definition] = {}
        waiting = [wanted]
        while waiting:
            definition = waiting.pop()
            if key_of(definition) not in found:
                found[key_of(definition)] = definition
                waiting += [*references(definition), *self._enriching_by_name(definition)]
        return Definitions(found.values())

    def _enriching_by_name(self, definition: Definition) -> Iterator[FeatureView]:
        if isinstance(definition, FeatureView):
            yield from (self.views[name] for name in definition.enrich if isinstance(name, str))

    @cached_property
    def described(self) -> dict[str, dict[str, Json]]:
        """Every definition as JSON data, by key, in the order of the keys."""
        return {key: describe(self._by_key[key]) for key in sorted(self._by_key)}

    @cached_property
    def hash(self) -> str:
        """A hash of all definitions together."""
        return json_hash(self.described)

    @cached_property
    def tables(self) -> tuple[TableNode, ...]:
        """The tables that the definitions ask for, each after those it is made from."""
        nodes = [node for source in self.sources.values() for node in _source_tables(source)]
        nodes += [self._view_table(view) for view in self.views.values()]
        nodes += [node for label in self.labels.values() for node in self._label_tables(label)]
        by_name = {node.name: node for node in nodes}
        order = topological({node.name: (*node.inputs, *held_against(node)) for node in nodes})
        return tuple(by_name[name] for name in order)

    def _view_table(self, view: FeatureView) -> TableNode:
        enriching = view.enriching(dict(self.views))
        definition = definition_hash(
            _clean_definition(view.source),
            view.entity.keys,
            enriching,
            view.derive,
            view.transform,
            self.columns_read(view),
        )
        inputs = (f"clean/{view.source.name}", *(f"views/{other.name}" for other in enriching))
        return TableNode(f"views/{view.name}", view, definition, inputs, not view.source.identity)

    def _label_tables(self, label: Label) -> list[TableNode]:
        """The rows of the outcome, and those of the cut-offs where they are events."""
        tables = [_keyed_table(f"labels/{label.name}", label, label.source, label_columns(label))]
        if label.cutoff_source is not None:
            columns = self.cutoff_columns(label)
            tables.append(_keyed_table(f"cutoffs/{label.name}", label, label.cutoff_source, columns))
        return tables

    def cutoff_columns(self, label: Label) -> tuple[str, ...]:
        """The columns of a label's cut-offs that training sets take requests from, in order."""
        sets = [wanted for wanted in self.training_sets.values() if wanted.label.name == label.name]
        asked = {name for wanted in sets for name in wanted.request}
        return tuple(name for name in (label.cutoff_source or label.source).columns if name in asked)

    def columns_read(self, view: FeatureView) -> tuple[str, ...]:
        """The columns that the features of `view` are computed from, in order, without its keys."""
        columns = view.columns(dict(self.views))
        read = frozenset[str]().union(*(feature.columns for feature in expand(view, columns)))
        return tuple(name for name in columns if name in read and name not in view.entity.keys)


def references(definition: Definition) -> tuple[Definition, ...]:
    """The definitions that one refers to directly (views given by name left out)."""
    match definition:
        case Source():
            return tuple(rule.refers_to for rule in definition.expect if rule.refers_to is not None)
        case FeatureView():
            enriching = (view for view in definition.enrich if isinstance(view, FeatureView))
            return (definition.entity, definition.source, *enriching)
        case Label():
            at = definition.cutoff_source
            return (definition.entity, definition.source, *([at] if at else []))
        case OnDemandFeatureView():
            return definition.views
        case FeatureService():
            return (*definition.views, *on_demand_of(definition.features))
        case TrainingSet():
            return (definition.label, *definition.views, *on_demand_of(definition.features))
    return ()


def label_columns(label: Label) -> tuple[str, ...]:
    """The columns that a label's outcome is computed from, in order, without its keys."""
    read = frozenset[str]().union(*(aggregate.reads() for aggregate in label.aggregates))
    return tuple(name for name in label.source.columns if name in read and name not in label.entity.keys)


def topological(inputs: Mapping[str, Iterable[str]]) -> tuple[str, ...]:
    """Names in an order in which each comes after its inputs; DefinitionError where they form a cycle.

    >>> topological({"c": ["b"], "b": ["a"], "a": []})
    ('a', 'b', 'c')
    """
    order: dict[str, None] = {}

    def visit(name: str, path: tuple[str, ...]) -> None:
        if name in path:
            cycle = " -> ".join((*path[path.index(name) :], name))
            raise DefinitionError(
                f"definitions depend on themselves: {cycle}; break the cycle at one of them"
            )
        if name in order:
            return
        for other in inputs.get(name, ()):
            visit(other, (*path, name))
        order[name] = None

    for name in sorted(inputs):
        visit(name, ())
    return tuple(order)


def _selections(features: Iterable[Feature]) -> Iterator[Selection]:
    return (item for item in features if isinstance(item, Selection))


def _unlike(one: Any, other: Any) -> list[str]:
    names = (field.name for field in fields(one))
    return [name for name in names if getattr(one, name) != getattr(other, name)]


def _enriched_by(view: FeatureView) -> tuple[str, ...]:
    return tuple(other if isinstance(other, str) else other.name for other in view.enrich)


def _source_tables(source: Source) -> tuple[TableNode, TableNode]:
    raw = TableNode(f"raw/{source.name}", source, _raw_definition(source), (), True)
    clean = TableNode(f"clean/{source.name}", source, _clean_definition(source), (raw.name,), True)
    return raw, clean


def held_against(node: TableNode) -> tuple[str, ...]:
    """The tables that a clean one must be checked against, and so come after."""
    if not isinstance(node.of, Source) or not node.inputs:
        return ()
    return tuple(f"clean/{source.name}" for source in references(node.of))


def _raw_definition(source: Source) -> str:
    return definition_hash(source.reader, source.schema, source.timezone, source.contract)


def _clean_definition(source: Source) -> str:
    return definition_hash(source)


def _keyed_table(name: str, label: Label, source: Source, columns: tuple[str, ...]) -> TableNode:
    definition = definition_hash(_clean_definition(source), label.entity.keys, columns)
    return TableNode(name, label, definition, (f"clean/{source.name}",), not source.identity)
