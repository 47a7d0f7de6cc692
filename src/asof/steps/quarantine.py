"""The quarantine table of a source: rows that could not be taken, with what is needed to mend them."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from asof.features.source import Source
from asof.steps.context import Context, Write

SCHEMA = pa.schema(
    [
        ("stage", pa.string()),
        ("raw", pa.string()),
        ("reason", pa.string()),
        ("column", pa.string()),
        ("origin", pa.string()),
        ("line", pa.int64()),
        ("_sequence", pa.int64()),
        ("run", pa.string()),
    ]
)
"""`stage` is "ingest" or "clean"; `_sequence` is null for rows that never reached the raw table."""


def quarantine(
    context: Context, source: Source, stage: str, rejected: pa.Table, *, anew: bool
) -> Write | None:
    """Write rejected rows beside those of before; where the stage begins `anew`, in place of its own.

    Nothing is written, and None given, where that changes nothing.
    """
    name = f"quarantine/{source.name}"
    current = context.current(name)
    rows = _described(rejected, stage, context.run)
    if current is None or not anew:
        return context.write(name, rows, on=current, replace=False) if rows.num_rows else None
    kept = context.workspace.read(name, current.version, where=pc.field("stage") != stage)
    if not rows.num_rows and kept.num_rows == current.rows:
        return None
    return context.write(name, pa.concat_tables([kept, rows]), on=current, replace=True)


def _described(rejected: pa.Table, stage: str, run: str) -> pa.Table:
    rows = rejected.append_column("stage", pa.repeat(stage, rejected.num_rows))
    rows = rows.append_column("run", pa.repeat(run, rejected.num_rows))
    for field in SCHEMA:
        if field.name not in rows.column_names:
            rows = rows.append_column(field, pa.nulls(rows.num_rows, field.type))
    return rows.select(SCHEMA.names).cast(SCHEMA)
