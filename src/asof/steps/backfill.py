"""Backfill: a view's rows of a stretch of time computed again with the definitions of now, chunk by chunk.

A chunk that is done is kept, in files beside the tables and with a line in the catalogue, so that a backfill
that was killed goes on after it. Once all are there the table gets them in one commit.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from asof.errors import Conflict, DefinitionError, NotFound
from asof.features.describe import definition_hash
from asof.features.graph import TableNode
from asof.features.view import FeatureView
from asof.steps.context import Context, counted, ended, now
from asof.steps.lay_out import layout_job
from asof.storage.catalogue import Chunk, Step, TableVersion
from asof.storage.folder import Folder
from asof.storage.layout import BUCKET
from asof.storage.shuffle import Shuffle, Shuffled
from asof.transforms.backfill_job import (
    BackfillJob,
    Stretch,
    Within,
    compute_part,
    earliest,
    replace_bucket,
)
from asof.transforms.parts import parts_of
from asof.workspace import Workspace

FOLDER = "backfills"
"""Where chunks are kept, in a folder for each backfill."""


@dataclass(frozen=True)
class _Piece:
    """The rows of a chunk: those in a stretch, or outside of it, with a `_sequence` of at least `first`."""

    number: int
    stretch: Stretch
    first: int = 0
    outside: bool = False


@dataclass(frozen=True)
class _Backfill:
    """What is to be done, from which version of the table and of those that it is made from."""

    id: str
    node: TableNode
    current: TableVersion
    inputs: Sequence[TableVersion]
    pieces: Sequence[_Piece]
    job: BackfillJob

    @property
    def clean(self) -> TableVersion:
        """The version of the clean table that rows are computed from."""
        return self.inputs[0]


def backfill(context: Context, node: TableNode, view: FeatureView, asked: Stretch, chunk: int) -> Step:
    """Compute the rows of a view whose event times lie in a stretch anew, in chunks of so many ns.

    All others stay as they are; rows that are new in the source come too. DefinitionError where the view
    can't be taken apart in time or has other columns than the table, Conflict where the source was read anew.
    """
    step = context.begin(f"backfill {node.name}")
    todo = _planned(context, node, view, asked, chunk)
    _forget(context.workspace, node, but=todo.id)
    todo.job.to.folder.create()
    done = list(_computed(context, todo))
    step = _committed(context, todo, done, step)
    _forget(context.workspace, node)
    return ended(step)


def _planned(context: Context, node: TableNode, view: FeatureView, asked: Stretch, chunk: int) -> _Backfill:
    workspace = context.workspace
    current = workspace.current(node.name)
    inputs = [workspace.current(name) for name in node.inputs]
    layout = layout_job(context, node, view, inputs[0], current)
    table = workspace.table(node.name)
    _check(view, workspace, current, inputs[0])
    _check_columns(view, table.schema(current.version).names, layout.schema().names)
    made_from = sorted((version.table, version.version) for version in (current, *inputs))
    id = definition_hash(node.definition, str(made_from), asked.start, asked.end, chunk)
    to = Shuffle(_folder(workspace, id), layout.prepared_schema(), layout.buckets)
    job = BackfillJob(layout, to, table, current.version, asked)
    return _Backfill(id, node, current, inputs, _pieces(job, chunk, current, inputs[0]), job)


def _pieces(job: BackfillJob, chunk: int, current: TableVersion, clean: TableVersion) -> list[_Piece]:
    """Those of the part of the stretch in which there are rows, and what else is new in the clean table."""
    first, last = earliest(job.layout.clean, clean.version), clean.details["complete_until"]
    if first is None:
        return []
    there = Stretch(max(job.stretch.start, first), min(job.stretch.end, last + 1))
    pieces = [_Piece(number, each) for number, each in enumerate(there.chunks(chunk))]
    if current.through < clean.through:
        pieces.append(_Piece(len(pieces), job.stretch, current.through + 1, outside=True))
    return pieces


def _computed(context: Context, todo: _Backfill) -> Iterator[Chunk]:
    """All chunks, those that were kept as they are."""
    kept = {chunk.number: chunk for chunk in _kept(context.workspace, todo.node) if chunk.backfill == todo.id}
    begun, rows = time.monotonic(), 0
    left = len(todo.pieces) - len(kept)
    if kept:
        context.report(f"goes on after {len(kept)} of {len(todo.pieces)} chunks")
    for piece in todo.pieces:
        chunk = kept.get(piece.number)
        if chunk is None:
            chunk = _compute(context, todo, piece)
            context.workspace.catalogue.keep_chunk(chunk)
            rows, left = rows + chunk.rows, left - 1
            context.report(_told(piece, todo, rows, time.monotonic() - begun, left))
        yield chunk


def _told(piece: _Piece, todo: _Backfill, rows: int, seconds: float, left: int) -> str:
    done = len(todo.pieces) - left
    more = f", about {seconds / max(done, 1) * left:,.0f} s left" if left else ""
    return (
        f"chunk {piece.number + 1} of {len(todo.pieces)}, {rows:,} rows, {rows / seconds:,.0f} a second{more}"
    )


def _compute(context: Context, todo: _Backfill, piece: _Piece) -> Chunk:
    parts = [
        Within(part.number, part.first, part.end, piece.stretch, piece.outside)
        for part in parts_of(piece.first, todo.clean.through + 1)
    ]
    computed = list(context.map("part", partial(compute_part, todo.job), parts))
    return Chunk(
        backfill=todo.id,
        number=piece.number,
        table=todo.current.table,
        run=context.run,
        finished_at=now(),
        rows_read=sum(tally.read for tally, _ in computed),
        rows=sum(tally.written for tally, _ in computed),
        files=[shuffled.path for _, shuffled in computed],
    )


def _committed(context: Context, todo: _Backfill, chunks: Sequence[Chunk], step: Step) -> Step:
    """Put all chunks into the table, in one commit."""
    schema, job = todo.job.layout.schema(), todo.job
    into = context.workspace.base(todo.node.name, schema, on=todo.current, partition_by=[BUCKET])
    computed = [Shuffled(path) for chunk in chunks for path in chunk.files]
    kernel = partial(replace_bucket, job, computed, into)
    files = [each for of in context.map("bucket", kernel, range(job.layout.buckets)) for each in of]
    stretch = {"from": job.stretch.start, "to": job.stretch.end, "before": todo.current.definition}
    write = context.commit_files(
        into,
        files,
        on=todo.current,
        schema=schema,
        replace=True,
        definition=todo.node.definition,
        inputs={version.table: version.version for version in todo.inputs},
        through=todo.clean.through,
        details={
            "complete_until": todo.clean.details["complete_until"],
            "buckets": job.layout.buckets,
            "backfilled": [*todo.current.details.get("backfilled", ()), stretch],
        },
    )
    read, written = sum(chunk.rows_read for chunk in chunks), sum(chunk.rows for chunk in chunks)
    step = counted(step, read, written, dropped=read - written, chunks=len(chunks))
    return context.commit([write], step)


def _check(view: FeatureView, workspace: Workspace, current: TableVersion, clean: TableVersion) -> None:
    if view.source.identity:
        raise DefinitionError(
            f"view {view.name!r} is of {view.source.name!r}, whose rows have an identity and so revise each "
            f"other across time; build all of them anew: asof run --full --select {view.name}"
        )
    if not _same_rows(workspace, current, clean):
        raise Conflict(
            f"source {view.source.name!r} was read anew since view {view.name!r} was built, so that its rows "
            f"can't be told apart; build it anew: asof run --select {view.name}"
        )


def _same_rows(workspace: Workspace, current: TableVersion, clean: TableVersion) -> bool:
    """Whether a `_sequence` is the same row in the clean table of then and of now."""
    catalogue = workspace.catalogue
    (raw, number), *_ = clean.inputs.items()
    try:
        then = catalogue.version(clean.table, current.inputs[clean.table])
        return then.inputs[raw] >= catalogue.version(raw, number).details["rebuilt"]
    except (NotFound, KeyError):
        return False


def _check_columns(view: FeatureView, there: Sequence[str], computed: Sequence[str]) -> None:
    if list(there) != list(computed):
        unlike = ", ".join(sorted(set(there) ^ set(computed)))
        raise DefinitionError(
            f"view {view.name!r} now reads other columns than its table has ({unlike}), which all its rows "
            f"need; build it anew: asof run --select {view.name}"
        )


def _kept(workspace: Workspace, node: TableNode) -> list[Chunk]:
    return workspace.catalogue.chunks(workspace.environment.table(node.name))


def _forget(workspace: Workspace, node: TableNode, but: str = "") -> None:
    """Let go of the chunks of other backfills of a table."""
    for id in sorted({chunk.backfill for chunk in _kept(workspace, node)} - {but}):
        _folder(workspace, id).delete()
        workspace.catalogue.forget_chunks(id)


def _folder(workspace: Workspace, backfill: str) -> Folder:
    options = dict(workspace.settings.storage_options) or None
    return Folder(f"{workspace.settings.storage}/{FOLDER}/{backfill}", options)
