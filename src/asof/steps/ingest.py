"""Ingest: what is new in a source goes to its raw table, with the cursor, in one commit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from asof.errors import DataError
from asof.features.graph import TableNode
from asof.features.source import Source
from asof.ingest.batch import Batch
from asof.ingest.connector import open_connector
from asof.ingest.place import Place
from asof.steps.context import Context, Write, counted, ended, skipped
from asof.steps.quarantine import quarantine
from asof.storage.catalogue import Step, TableVersion
from asof.workspace import Workspace

ROWS_PER_COMMIT = 1_000_000


def ingest(context: Context, node: TableNode, source: Source) -> Step:
    """Bring a raw table up to date with its source.

    Where the reader or the schema has changed, it is built anew from all that the source has.
    """
    step = context.begin(f"ingest {source.name}")
    current = context.current(node.name)
    base = current if current and current.definition == node.definition else None
    connector = open_connector(source, place(context.workspace, node, base))
    for load in _loads(connector.batches(dict(base.cursor or {}) if base else None)):
        context.report(f"{source.name}: {load.origin}")
        rejected = quarantine(context, source, "ingest", load.rejected, anew=base is None)
        write = _write(context, node, current, base, load)
        step = counted(step, load.read, load.rows.num_rows, load.rejected.num_rows)
        context.commit([write, rejected], step)
        current = base = write.version
    if base is None:
        raise DataError(f"source {source.name!r}: there is nothing to read at {source.reader.where}")
    return ended(step) if step.rows_read else skipped(step)


def place(workspace: Workspace, node: TableNode, base: TableVersion | None) -> Place:
    """Where the connector of a raw table's source works; `base` is the version that it goes on from."""
    root = str(workspace.settings.folder)
    if base is None:
        return Place(root)
    table = workspace.table(node.name)
    return Place(root, lambda columns: table.batches(base.version, columns))


@dataclass(frozen=True)
class _Load:
    """Several batches that are committed together."""

    rows: pa.Table
    rejected: pa.Table
    read: int
    cursor: dict[str, Any]
    origin: str


def _loads(batches: Iterable[Batch]) -> Iterator[_Load]:
    group: list[Batch] = []
    for batch in batches:
        group.append(batch)
        if sum(batch.rows_read for batch in group) >= ROWS_PER_COMMIT:
            yield _load(group)
            group = []
    if group:
        yield _load(group)


def _load(group: list[Batch]) -> _Load:
    return _Load(
        rows=pa.concat_tables(batch.rows for batch in group),
        rejected=pa.concat_tables(batch.rejected for batch in group),
        read=sum(batch.rows_read for batch in group),
        cursor=group[-1].cursor,
        origin=group[-1].origin,
    )


def _write(
    context: Context, node: TableNode, current: TableVersion | None, base: TableVersion | None, load: _Load
) -> Write:
    """Write a load on top of `base`; without one, in place of all that is there."""
    first = base.through + 1 if base else 0
    sequence = np.arange(first, first + load.rows.num_rows, dtype=np.int64)
    return context.write(
        node.name,
        load.rows.append_column("_sequence", pa.array(sequence)),
        on=current,
        replace=base is None,
        definition=node.definition,
        through=first + load.rows.num_rows - 1,
        cursor=load.cursor,
    )
