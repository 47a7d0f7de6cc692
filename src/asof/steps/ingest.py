"""Ingest: what is new in a source goes to its raw table, with the cursor, in one commit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import Any

import numpy as np
import pyarrow as pa

from asof.features.graph import TableNode
from asof.features.source import Source
from asof.ingest.batch import Batch
from asof.ingest.connector import open_connector
from asof.ingest.place import Place
from asof.ingest.schema.contract import Known, held
from asof.steps.ahead import ahead
from asof.steps.carried_over import carried_over, inbox, is_carried
from asof.steps.context import Context, Write, counted, ended, skipped
from asof.steps.max_rejected import check_rejected
from asof.steps.quarantine import quarantine
from asof.steps.replay import read_as, replayed, with_columns
from asof.storage.arrow_types import arrow_type
from asof.storage.catalogue import Step, TableVersion
from asof.storage.quarantine import REJECTED
from asof.transforms.appended import extended
from asof.transforms.statistics import from_json, to_json
from asof.workspace import Workspace

ROWS_PER_COMMIT = 1_000_000
LOADS = 8
BATCHES = 16
"""Loads and batches that the memory of a project would hold."""


def ingest(
    context: Context,
    node: TableNode,
    source: Source,
    *,
    step: Step | None = None,
    most: int | None = None,
    accept_loss: bool = False,
) -> Step:
    """Bring a raw table up to date with its source, with at most so many commits.

    A `step` of the same run is gone on with, and its rows counted in. `accept_loss` is as in `Place`.

    Where the reader, the schema or the contract has changed, it is built anew from all that the source
    has; or, where the source can't be read again, from what the table has.
    """
    step = step or context.begin(f"ingest {source.name}")
    if is_carried(context, node, source):
        return carried_over(context, node, source, step)
    current = context.current(node.name)
    if current and current.definition != node.definition and not source.reader.rereadable:
        step, current = replayed(context, node, source, step)
    standing = context.standing(current) if source.reader.rereadable else current
    base = standing if standing and standing.definition == node.definition else None
    known = Known.of(base.details) if base else Known()
    loaded = _Loaded(context, source, current, anew=base is None)
    where = replace(
        place(context.workspace, node, base), memory=context.memory // BATCHES, accept_loss=accept_loss
    )
    found = open_connector(source, where).batches(dict(base.cursor or {}) if base else None)
    for group in ahead(_groups(found, context.memory // LOADS, most)):
        batches, known = held(group, source, known)
        load = _load(batches, known)
        context.report(load.origin)
        write = _write(context, node, source, current, base, load)
        step = counted(step, load.read, load.rows.num_rows, load.rejected.num_rows)
        loaded.add(write, load.rejected)
        step = loaded.commit_early(step)
        current = base = write.version
    step = loaded.commit(step)
    if base is None:
        step = context.commit([_write(context, node, source, current, None, _nothing(source))], step)
    return ended(step) if step.rows_read else skipped(step)


class _Loaded:
    """Loads that were written and wait to be committed together.

    Where the source limits its rejected rows they wait until all is read, so that too many of them
    leave nothing behind.
    """

    def __init__(self, context: Context, source: Source, current: TableVersion | None, *, anew: bool) -> None:
        self._context, self._source = context, source
        self._follows = current.version if current else None
        self._anew = anew
        self._write: Write | None = None
        self._rejected: list[pa.Table] = []

    def add(self, write: Write, rejected: pa.Table) -> None:
        before = self._write.bytes if self._write else 0
        self._write = replace(write, bytes=before + write.bytes)
        self._rejected.append(rejected)

    def commit_early(self, step: Step) -> Step:
        """Commit, unless rejected rows are limited."""
        if self._source.max_rejected is None:
            return self.commit(step)
        check_rejected(self._context, self._source, step, self._rejected, whole=False)
        return step

    def commit(self, step: Step) -> Step:
        """The step with what was committed."""
        if self._write is None:
            return step
        check_rejected(self._context, self._source, step, self._rejected, whole=True)
        rejected = pa.concat_tables(self._rejected)
        aside = quarantine(self._context, self._source, "ingest", rejected, anew=self._anew)
        step = self._context.commit([replace(self._write, follows=self._follows), aside], step)
        self._follows, self._anew = self._write.version.version, False
        self._write, self._rejected = None, []
        return step


def place(workspace: Workspace, node: TableNode, base: TableVersion | None) -> Place:
    """Where the connector of a raw table's source works; `base` is the version that it goes on from."""
    settings = workspace.settings
    fresh = Place(str(settings.folder), memory=settings.memory // BATCHES, inbox=inbox(workspace))
    if base is None:
        return fresh
    table = workspace.table(node.name)
    return replace(fresh, taken=partial(table.batches, base.version))


@dataclass(frozen=True)
class _Load:
    """Several batches that are committed together."""

    rows: pa.Table
    rejected: pa.Table
    read: int
    cursor: dict[str, Any]
    origin: str
    known: Known


def _nothing(source: Source) -> _Load:
    """What a source brings that has nothing yet, as a topic or what was pushed."""
    fields = [(name, arrow_type(dtype.name)) for name, dtype in source.schema.items()]
    return _Load(pa.schema(fields).empty_table(), REJECTED.empty_table(), 0, {}, source.reader.where, Known())


def _groups(batches: Iterable[Batch], memory: int, most: int | None) -> Iterator[list[Batch]]:
    """Batches that are committed together, at most so many groups of about `memory` bytes at most.

    Reading can go on after the last batch of each group.
    """
    yield from islice(_grouped(batches, memory), most)


def _grouped(batches: Iterable[Batch], memory: int) -> Iterator[list[Batch]]:
    group: list[Batch] = []
    for batch in batches:
        group.append(batch)
        if batch.cursor and _is_full(group, memory):
            yield group
            group = []
    if group and batch.cursor:
        yield group


def _is_full(group: Sequence[Batch], memory: int) -> bool:
    rows = sum(batch.rows_read for batch in group)
    return rows >= ROWS_PER_COMMIT or sum(batch.rows.nbytes for batch in group) >= memory


def _load(group: list[Batch], known: Known) -> _Load:
    rows = pa.concat_tables((batch.rows for batch in group), promote_options="default")
    return _Load(
        rows=with_columns(rows, known.columns),
        rejected=pa.concat_tables(batch.rejected for batch in group),
        read=sum(batch.rows_read for batch in group),
        cursor=dict(group[-1].cursor or {}),
        origin=group[-1].origin,
        known=known,
    )


def _write(
    context: Context,
    node: TableNode,
    source: Source,
    current: TableVersion | None,
    base: TableVersion | None,
    load: _Load,
) -> Write:
    """Write a load on top of `base`; without one, in place of all that is there."""
    first = base.through + 1 if base else 0
    sequence = np.arange(first, first + load.rows.num_rows, dtype=np.int64)
    rows = load.rows.append_column("_sequence", pa.array(sequence))
    into = context.workspace.base(node.name, rows.schema, on=current)
    with ThreadPoolExecutor(1, thread_name_prefix="asof-statistics") as aside:
        known = aside.submit(_extended, base, load.rows)
        files = into.stage(rows, schema=rows.schema)
    return context.commit_files(
        into,
        files,
        on=current,
        schema=rows.schema,
        replace=base is None,
        definition=node.definition,
        through=first + load.rows.num_rows - 1,
        cursor=load.cursor,
        details=load.known.described() | {"read_as": read_as(source), "statistics": known.result()},
    )


def _extended(base: TableVersion | None, rows: pa.Table) -> dict[str, Any]:
    """The statistics of a version once these rows follow."""
    before = from_json(base.details["statistics"]) if base else {}
    return to_json(extended(before, base.rows if base else 0, rows))
