"""The quarantine table of a source: rows that could not be taken, with what is needed to mend them."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from asof.features.source import Source
from asof.steps.context import Context, Write, counted, ended
from asof.storage.catalogue import Step, TableVersion
from asof.storage.quarantine import REJECTED
from asof.workspace import Workspace

SCHEMA = pa.schema(
    [("stage", pa.string()), *REJECTED, ("_sequence", pa.int64()), ("run", pa.string())],
)
"""`stage` is "ingest" or "clean"; `_sequence` is null for rows that never reached the raw table."""


@dataclass(frozen=True)
class Chosen:
    """Rows of a quarantine table: those whose reason has a text in it, of a column, of a run (or its end)."""

    stage: str | None = None
    reason: str | None = None
    column: str | None = None
    run: str | None = None

    def of(self, rows: pa.Table) -> pa.ChunkedArray:
        """Whether each row is one of them."""
        chosen = pa.chunked_array([pa.repeat(True, rows.num_rows)])
        if self.stage is not None:
            chosen = pc.and_(chosen, pc.equal(rows["stage"], self.stage))
        if self.reason is not None:
            chosen = pc.and_(chosen, pc.match_substring(rows["reason"], self.reason))
        if self.column is not None:
            chosen = pc.and_(chosen, pc.fill_null(pc.equal(rows["column"], self.column), False))
        if self.run is not None:
            chosen = pc.and_(chosen, pc.ends_with(rows["run"], self.run))
        return chosen

    def described(self) -> dict[str, str]:
        """What was asked for, as JSON data."""
        return {name: asked for name, asked in vars(self).items() if asked is not None}


EVERYTHING = Chosen()


def rows_of(workspace: Workspace, version: TableVersion | None) -> pa.Table:
    """The rows in quarantine at a version; none where there is no version."""
    return workspace.read(version.table, version.version) if version else SCHEMA.empty_table()


def quarantine(
    context: Context, source: Source, stage: str, rejected: pa.Table, *, anew: bool
) -> Write | None:
    """Write rejected rows beside those of before; where the stage begins `anew`, in place of its own.

    Nothing is written, and None given, where that changes nothing.
    """
    name = f"quarantine/{source.name}"
    current = context.current(name)
    rows = described(rejected, stage, context.run)
    if current is None or not anew:
        return context.write(name, rows, on=current, replace=False) if rows.num_rows else None
    kept = context.workspace.read(name, current.version, where=pc.field("stage") != stage)
    if not rows.num_rows and kept.num_rows == current.rows:
        return None
    return context.write(name, pa.concat_tables([kept, rows]), on=current, replace=True)


def drop(context: Context, source: Source, chosen: Chosen) -> Step:
    """Take rows out of quarantine for good; the step counts them, and says which were asked for."""
    step = context.begin(f"drop {source.name}")
    current = context.current(f"quarantine/{source.name}")
    rows = rows_of(context.workspace, current)
    gone = chosen.of(rows)
    left = rows.filter(pc.invert(gone))
    dropped = rows.num_rows - left.num_rows
    step = counted(step, dropped, 0, 0, dropped, chosen=chosen.described())
    if dropped:
        write = context.write(f"quarantine/{source.name}", left, on=current, replace=True)
        step = context.commit([write], step)
    return ended(step)


def described(rejected: pa.Table, stage: str, run: str) -> pa.Table:
    """Rejected rows as rows of a quarantine table."""
    rows = rejected.append_column("stage", pa.repeat(stage, rejected.num_rows))
    rows = rows.append_column("run", pa.repeat(run, rejected.num_rows))
    for field in SCHEMA:
        if field.name not in rows.column_names:
            rows = rows.append_column(field, pa.nulls(rows.num_rows, field.type))
    return rows.select(SCHEMA.names).cast(SCHEMA)
