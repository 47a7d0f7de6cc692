"""Promotion: an environment's tables copied into production's, file by file, with nothing computed anew."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from asof.environment import Environment
from asof.errors import Conflict
from asof.features.graph import TableNode
from asof.features.source import Source
from asof.steps.carried_over import copied
from asof.steps.context import Context, Write, counted, ended
from asof.steps.quarantine import rows_of
from asof.storage.catalogue import Step, TableVersion


class Promotion:
    """The versions that production gets, in the order that they are made from each other.

    `expected` are the versions of production's tables that they follow, and those of the environment that
    they were copied from: none may move meanwhile. `steps` say what went where.
    """

    def __init__(self, context: Context, environment: Environment) -> None:
        self._context = context
        self._environment = environment
        self._made: dict[str, TableVersion] = {}
        self.expected: dict[str, int | None] = {}
        self.steps: list[Step] = []

    def copied(self) -> list[TableVersion]:
        """Copy every table that the environment owns; Conflict where one is not up to date."""
        for node in self._context.definitions.tables:
            if self._environment.owns(node.name):
                self._copy(node)
        return list(self._made.values())

    def _copy(self, node: TableNode) -> None:
        own = self._own(node)
        step = self._context.begin(f"promote {node.name}")
        self._context.report(f"{node.name}: copying")
        self._took(own, step, copied(self._context, node.name, own, self._inputs(node, own)))
        if isinstance(node.of, Source) and node.inputs:
            self._copy_quarantine(node.of)

    def _own(self, node: TableNode) -> TableVersion:
        own = self._find(node.name)
        if own is None or own.definition != node.definition:
            raise self._behind(node.name)
        return own

    def _find(self, name: str) -> TableVersion | None:
        """The environment's version of one of its tables."""
        return self._context.workspace.catalogue.current(self._environment.table(name))

    def _inputs(self, node: TableNode, own: TableVersion) -> dict[str, int]:
        """The versions of production's tables that a table is then made from."""
        if not node.inputs:
            self._check_carried(node, own)
        return {name: self._input(node, name, own) for name in node.inputs}

    def _input(self, node: TableNode, name: str, own: TableVersion) -> int:
        there = self._environment.table(name)
        if there not in own.inputs:
            raise self._behind(node.name)
        if not self._environment.owns(name):
            return own.inputs[there]
        if own.inputs[there] != self.expected[there]:
            raise self._behind(node.name)
        return self._made[name].version

    def _check_carried(self, node: TableNode, own: TableVersion) -> None:
        """Conflict where a raw table was made of one that has moved on."""
        current = self._context.current(node.name)
        if own.inputs and (current is None or own.inputs != {node.name: current.version}):
            raise self._behind(node.name)

    def _behind(self, table: str) -> Conflict:
        return Conflict(
            f"table {table!r} of environment {self._environment.name!r} is not up to date; "
            f"bring it up to date with: {self._environment.command('asof run')}"
        )

    def _copy_quarantine(self, source: Source) -> None:
        """Rows set aside by the stages that the environment has for itself take the place of production's."""
        name = f"quarantine/{source.name}"
        own, current = self._find(name), self._context.current(name)
        step = self._context.begin(f"promote {name}")
        rows = self._rows_aside(source, own, current)
        if not rows.equals(rows_of(self._context.workspace, current)):
            self._took(own, step, self._context.write(name, rows, on=current, replace=True))

    def _rows_aside(self, source: Source, own: TableVersion | None, current: TableVersion | None) -> pa.Table:
        mine, theirs = (_rows(self._context, version) for version in (own, current))
        if self._environment.owns(f"raw/{source.name}"):
            return mine
        return pa.concat_tables(
            [theirs.filter(pc.field("stage") != "clean"), mine.filter(pc.field("stage") == "clean")]
        )

    def _took(self, own: TableVersion | None, begun: Step, write: Write) -> None:
        version = write.version
        self._made[version.table] = version
        of = {own.table: own.version} if own else {}
        self.expected |= {version.table: write.follows, **of}
        step = replace(begun, bytes_written=write.bytes, inputs=of, outputs={version.table: version.version})
        self.steps.append(ended(counted(step, version.rows, version.rows)))


def _rows(context: Context, version: TableVersion | None) -> pa.Table:
    if version is None:
        return rows_of(context.workspace, None)
    return context.workspace.stored(version.table).read(version.version)
