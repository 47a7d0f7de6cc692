"""Plans of tables: which a run would write, why, and what that takes, from what the catalogue knows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from asof.features.graph import Definitions, TableNode
from asof.features.source import Source
from asof.ingest.connector import open_connector
from asof.runs.tasks import step_of
from asof.steps.clean import builds_on
from asof.steps.ingest import place
from asof.storage.catalogue import Step, TableVersion
from asof.workspace import Workspace


@dataclass(frozen=True)
class TablePlan:
    """A table that a run would write: "build", "rebuild" or "append", why, and what it has now.

    `reads` is how many rows are then read, `seconds` how long that took at the pace of the run that wrote
    the table last; None where that is not known.
    """

    table: str
    action: str
    why: str
    rows: int
    bytes: int
    reads: int | None = None
    seconds: float | None = None


def table_plans(
    workspace: Workspace, definitions: Definitions, tables: Iterable[TableVersion]
) -> dict[str, TablePlan]:
    """What a run would write, in its order, by table; `tables` are the versions that count."""
    plans = _Plans(workspace, tables)
    for node in definitions.tables:
        if workspace.environment.owns(node.name):
            plans.add(node)
    return plans.made


class _Plans:
    """The plans so far, and what is known of the tables and of how they were made."""

    def __init__(self, workspace: Workspace, tables: Iterable[TableVersion]) -> None:
        self._workspace = workspace
        self._versions = {version.table: version for version in tables}
        steps = workspace.catalogue.steps_of({version.run for version in self._versions.values()})
        self._steps = {(step.run, step.name): step for step in steps}
        self.made: dict[str, TablePlan] = {}

    def add(self, node: TableNode) -> None:
        current = self._current(node.name)
        found = self._changed(node, current)
        if found is None:
            return
        action, why = found
        reads = self._reads(node, current, action)
        pace = self._pace(node)
        self.made[node.name] = TablePlan(
            node.name,
            action,
            why,
            current.rows if current else 0,
            current.bytes if current else 0,
            reads,
            reads / pace if pace and reads is not None else None,
        )

    def _current(self, name: str) -> TableVersion | None:
        return self._versions.get(self._workspace.environment.table(name))

    def _changed(self, node: TableNode, current: TableVersion | None) -> tuple[str, str] | None:
        """What is to be done, and why; None where the table is up to date."""
        if current is None:
            return "build", "not built yet"
        if current.definition != node.definition:
            return "rebuild", _why_anew(node)
        if not node.inputs and isinstance(node.of, Source):
            connector = open_connector(node.of, place(self._workspace, node, current))
            pending = connector.pending(dict(current.cursor or {}))
            return ("append", f"new: {_listed(pending)}") if pending else None
        return self._from_inputs(node, current)

    def _from_inputs(self, node: TableNode, current: TableVersion) -> tuple[str, str] | None:
        inputs = {name: version for name in node.inputs if (version := self._current(name))}
        moved = [
            name
            for name in node.inputs
            if name in self.made or (name in inputs and _moved(inputs[name], current))
        ]
        if not moved:
            return None
        rebuilt = [name for name in moved if name in self.made and self.made[name].action != "append"]
        only_first = not rebuilt and moved == [node.inputs[0]]
        grows = node.appends and only_first and builds_on(current, node, [*inputs.values()])
        why = f"{_listed(rebuilt or moved)} {'is rebuilt' if rebuilt else 'has new rows'}"
        return "append" if grows else "rebuild", why

    def _reads(self, node: TableNode, current: TableVersion | None, action: str) -> int | None:
        """The rows that are read: those of the first input, or for a source those that were read before."""
        if not node.inputs:
            return current.through + 1 if current and action == "rebuild" else None
        given = self._current(node.inputs[0])
        if given is None or (action == "append" and node.inputs[0] in self.made):
            return None
        return given.through - (current.through if current and action == "append" else -1)

    def _pace(self, node: TableNode) -> float | None:
        """Rows a second that were read when the table was written last, here or in production."""
        versions = (self._current(node.name), self._versions.get(node.name))
        for version in versions:
            step = self._steps.get((version.run, step_of(node))) if version else None
            if step is not None and (pace := _pace(step)):
                return pace
        return None


def _pace(step: Step) -> float | None:
    if step.status != "succeeded" or step.finished_at is None:
        return None
    seconds = (step.finished_at - step.started_at).total_seconds()
    return step.rows_read / seconds if step.rows_read and seconds > 0 else None


def _why_anew(node: TableNode) -> str:
    if isinstance(node.of, Source) and not node.inputs and not node.of.reader.rereadable:
        return "its definition has changed: rows are carried over, as the source can't be read again"
    return "its definition or that of an input has changed"


def _moved(given: TableVersion, current: TableVersion) -> bool:
    return current.inputs.get(given.table) != given.version


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:3])
    return f"{shown} and {len(names) - 3} more" if len(names) > 3 else shown
