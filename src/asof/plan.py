"""Plans: what `apply` and `run` would change, and why."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa

from asof.features.diff import Change, diff
from asof.features.graph import Definitions, TableNode
from asof.features.source import Source
from asof.ingest.connector import open_connector
from asof.steps.clean import builds_on
from asof.steps.drift import Drift, drift
from asof.steps.ingest import place
from asof.storage.catalogue import TableVersion
from asof.transforms.aggregate_checks import check_aggregate_functions
from asof.transforms.transform_checks import check_on_demand, check_view_transform
from asof.workspace import Workspace


@dataclass(frozen=True)
class TablePlan:
    """A table that a run would write: "build", "rebuild" or "append", why, and the rows it has now."""

    table: str
    action: str
    why: str
    rows: int


@dataclass(frozen=True)
class Plan:
    """Changes of definitions against the applied revision (None: nothing was applied), and of tables.

    `drift` says where sources are no longer as declared; a run changes nothing about it.
    """

    revision: int | None
    changes: tuple[Change, ...]
    tables: tuple[TablePlan, ...]
    drift: tuple[Drift, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether everything is as defined already."""
        return not self.changes and not self.tables


def make_plan(workspace: Workspace, definitions: Definitions) -> Plan:
    """Compare definitions with what was applied, tables with their inputs, sources with their cursors."""
    check_transforms(workspace, definitions)
    revision = workspace.catalogue.revision()
    applied = revision.definitions if revision else {}
    planned: dict[str, TablePlan] = {}
    for node in definitions.tables:
        if found := _table_plan(workspace, node, planned):
            planned[node.name] = found
    return Plan(
        revision.number if revision else None,
        diff(applied, definitions.described),
        tuple(planned.values()),
        tuple(_drift(workspace, definitions)),
    )


def _drift(workspace: Workspace, definitions: Definitions) -> Iterator[Drift]:
    for node in definitions.tables:
        if isinstance(node.of, Source) and not node.inputs:
            current = workspace.catalogue.current(node.name)
            if current is not None and current.definition == node.definition:
                yield from drift(workspace, node.of, current)


def check_transforms(workspace: Workspace, definitions: Definitions) -> None:
    """Try every function of the definitions on a sample of the rows that it would be given.

    DefinitionError where one does not do what it declares, DataError where it fails on a row.
    """
    views = dict(definitions.views)
    for view in views.values():
        if view.has_functions:
            sample = _sample(workspace, definitions, f"clean/{view.source.name}")
            check_view_transform(view, views, sample)
            check_aggregate_functions(view, views, sample)
    for on_demand in definitions.on_demand.values():
        check_on_demand(on_demand, views)


def _sample(workspace: Workspace, definitions: Definitions, table: str) -> pa.Table | None:
    """The first rows of a table, where it is there and of its present definition."""
    current = workspace.catalogue.current(table)
    node = next(node for node in definitions.tables if node.name == table)
    if current is None or current.definition != node.definition:
        return None
    batches = workspace.table(table).batches(current.version)
    return next((pa.Table.from_batches([batch]) for batch in batches if batch.num_rows), None)


def _table_plan(workspace: Workspace, node: TableNode, planned: dict[str, TablePlan]) -> TablePlan | None:
    current = workspace.catalogue.current(node.name)
    rows = current.rows if current else 0
    if current is None:
        return TablePlan(node.name, "build", "not built yet", rows)
    if current.definition != node.definition:
        return TablePlan(node.name, "rebuild", _why_anew(node), rows)
    if isinstance(node.of, Source) and not node.inputs:
        connector = open_connector(node.of, place(workspace, node, current))
        pending = connector.pending(dict(current.cursor or {}))
        return TablePlan(node.name, "append", f"new: {_listed(pending)}", rows) if pending else None
    return _from_inputs(workspace, node, current, planned)


def _why_anew(node: TableNode) -> str:
    if isinstance(node.of, Source) and not node.inputs and not node.of.reader.rereadable:
        return "its definition has changed: rows are carried over, as the source can't be read again"
    return "its definition or that of an input has changed"


def _from_inputs(
    workspace: Workspace, node: TableNode, current: TableVersion, planned: dict[str, TablePlan]
) -> TablePlan | None:
    moved = [name for name in node.inputs if name in planned or _moved(workspace, name, current)]
    if not moved:
        return None
    rebuilt = [name for name in moved if name in planned and planned[name].action != "append"]
    inputs = [version for name in node.inputs if (version := workspace.catalogue.current(name))]
    grows = node.appends and not rebuilt and moved == [node.inputs[0]] and builds_on(current, node, inputs)
    why = f"{_listed(rebuilt or moved)} {'is rebuilt' if rebuilt else 'has new rows'}"
    return TablePlan(node.name, "append" if grows else "rebuild", why, current.rows)


def _moved(workspace: Workspace, name: str, current: TableVersion) -> bool:
    version = workspace.catalogue.current(name)
    return version is not None and current.inputs.get(name) != version.version


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:3])
    return f"{shown} and {len(names) - 3} more" if len(names) > 3 else shown
