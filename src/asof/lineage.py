"""What a column comes from and where it goes: by the definitions, and by the tables that runs made."""

from __future__ import annotations

import re
from collections.abc import Mapping

from asof.applied import definitions_of
from asof.environment import name_in_definitions
from asof.errors import DefinitionError
from asof.features.graph import Definitions
from asof.features.lineage.definitions import graph_of
from asof.features.lineage.graph import Graph
from asof.features.lineage.lineage import Lineage, part
from asof.features.lineage.names import nodes_named
from asof.training_sets.manifest import revision_of
from asof.transforms.query_lineage import origins
from asof.workspace import Workspace

_VERSIONED = re.compile(r"(?:training_sets?/)?([^@./]+)@(\d+)(\..+)?")


def lineage(workspace: Workspace, definitions: Definitions, name: str, direction: str) -> Lineage:
    """The lineage of what is named, with the versions of the tables that count now.

    Of a version of a training set (`churn@3`) it is that of its time: by the definitions that it was built
    with, with the versions in its manifest. Errors as of `nodes_named`; Conflict where a function of those
    definitions is no longer in the code.
    """
    if "@" in name:
        return _pinned(workspace, definitions, name, direction)
    tables = {version.table: version.version for version in workspace.catalogue.tables()}
    return _part(definitions, name, direction, _seen(workspace, definitions, tables))


def column_graph(definitions: Definitions) -> Graph:
    """The graph of all columns, those that sources' queries read included."""
    return graph_of(definitions, {source.name: origins(source) for source in definitions.sources.values()})


def _part(definitions: Definitions, name: str, direction: str, versions: Mapping[str, int]) -> Lineage:
    graph = column_graph(definitions)
    return part(graph, nodes_named(name, graph, definitions), direction, versions)


def _seen(workspace: Workspace, definitions: Definitions, tables: Mapping[str, int]) -> dict[str, int]:
    """The versions of tables by how the definitions call them, as the environment sees them."""
    names = [node.name for node in definitions.tables]
    names += [f"training_sets/{name}" for name in definitions.training_sets]
    found = {name: tables.get(workspace.environment.table(name)) for name in names}
    return {name: version for name, version in found.items() if version is not None}


def _pinned(workspace: Workspace, code: Definitions, name: str, direction: str) -> Lineage:
    match = _VERSIONED.fullmatch(name)
    if match is None:
        raise DefinitionError(f"{name!r}: a version is that of a training set, as in churn@3")
    version = workspace.catalogue.training_set(match[1], int(match[2]))
    manifest = version.manifest
    definitions = definitions_of(revision_of(workspace, manifest), code, manifest["definitions"])
    inputs = {name_in_definitions(table): number for table, number in manifest["inputs"].items()}
    versions = {**inputs, f"training_sets/{manifest['name']}": version.version}
    return _part(definitions, f"training_set/{manifest['name']}{match[3] or ''}", direction, versions)
