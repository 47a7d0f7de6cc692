"""The datasets of a project: what its sources read, its tables, and what is online."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from asof.errors import AsofError
from asof.features.graph import Definitions
from asof.features.lineage.tables import table_links
from asof.features.source import Source
from asof.features.view import expand
from asof.openlineage import facets
from asof.openlineage.naming import Dataset, located, sources_of
from asof.workspace import Workspace

Described = dict[str, Any]


@dataclass(frozen=True)
class Datasets:
    """Names and facets of the datasets of a project, by the names of tables in the catalogue."""

    workspace: Workspace
    definitions: Definitions

    def sources(self, table: str) -> list[Described]:
        """What the source of a raw table reads; nothing of other tables."""
        source = self._source(table)
        if source is None:
            return []
        columns = {name: str(dtype) for name, dtype in source.schema.items()}
        return [
            {**place._asdict(), "facets": _facets(place) | {"schema": facets.schema(columns)}}
            for place in self._outside(source)
        ]

    def table(self, table: str, version: int | None) -> Described:
        """A table at a version, where that is known."""
        place = self.place(table)
        found = _facets(place)
        if version is not None:
            found["version"] = facets.version(version)
            columns = self._columns(table, version)
            found |= {"schema": facets.schema(columns)} if columns else {}
        return {**place._asdict(), "facets": found}

    def made(self, table: str, version: int | None) -> Described:
        """A table with what its columns are made from."""
        described = self.table(table, version)
        links = table_links(self._defined.get(table, table), self.definitions)
        if links:
            named = {link.node.dataset for found in links.values() for link in found}
            places = {name: list(self._places(name)) for name in named}
            described["facets"]["columnLineage"] = facets.column_lineage(links, places)
        return described

    def inputs(self, table: str) -> list[str]:
        """The tables that one is made from, by its definition."""
        kind, _, name = table.partition("/")
        if kind == "online":
            return [self.workspace.environment.table(f"views/{name}")]
        made = self._defined.get(table, table)
        read = next((node.inputs for node in self.definitions.tables if node.name == made), ())
        return [self.workspace.environment.table(each) for each in read]

    def place(self, table: str) -> Dataset:
        """Where a table is, and how it is called there."""
        settings, (kind, _, name) = self.workspace.settings, table.partition("/")
        if kind != "online":
            return located(f"{settings.storage}/{table}", settings.folder)
        if settings.online.startswith("${"):
            return Dataset(settings.name, table)
        return located(f"{settings.online}/{name}", settings.folder)

    def _places(self, dataset: str) -> Iterator[Dataset]:
        """Where the data of a node's dataset is."""
        kind, _, name = dataset.partition("/")
        if kind == "source":
            yield from self._outside(self.definitions.sources[name])
        else:
            yield self.place(self.workspace.environment.table(dataset))

    def _outside(self, source: Source) -> list[Dataset]:
        settings = self.workspace.settings
        return sources_of(source.reader, source.name, settings.name, settings.folder)

    def _source(self, table: str) -> Source | None:
        kind, _, name = self._defined.get(table, table).partition("/")
        return self.definitions.sources.get(name) if kind == "raw" else None

    def _columns(self, table: str, version: int) -> Mapping[str, str]:
        """The columns of a table with their types; none where they can't be told."""
        kind, _, name = table.partition("/")
        if kind == "online":
            view, views = self.definitions.views[name], dict(self.definitions.views)
            features = {each.name: each.dtype for each in expand(view, view.columns(views))}
            return {name: str(dtype) for name, dtype in {**view.entity.keys, **features}.items()}
        try:
            schema = self.workspace.stored(table).schema(version)
        except AsofError:
            return {}
        return {field.name: str(field.type) for field in schema}

    @cached_property
    def _defined(self) -> Mapping[str, str]:
        """How tables are called in the definitions, by their names in the catalogue."""
        names = [node.name for node in self.definitions.tables]
        names += [f"training_sets/{name}" for name in self.definitions.training_sets]
        return {self.workspace.environment.table(name): name for name in names}


def _facets(place: Dataset) -> Described:
    return {"dataSource": facets.data_source(place)}
