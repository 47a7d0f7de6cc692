"""Clean: rows that are new in a raw table are cleaned, held against their rules and made known."""

from __future__ import annotations

from dataclasses import asdict

import pyarrow as pa
import pyarrow.compute as pc

from asof.features.graph import TableNode
from asof.features.source import Source
from asof.steps.context import Context, counted, ended, skipped
from asof.steps.quarantine import quarantine
from asof.storage.catalogue import Step, TableVersion
from asof.transforms.cleaning.clean import clean as cleaned_rows
from asof.transforms.cleaning.clean import dedupe_columns


def clean(context: Context, node: TableNode, source: Source) -> Step:
    """Bring a clean table up to date with its raw table.

    Where the source's definition has changed or the raw table was rebuilt, it is built anew.
    """
    step = context.begin(f"clean {source.name}")
    raw = context.workspace.current(node.inputs[0])
    current = context.current(node.name)
    base = current if current and builds_on(current, node, [raw]) else None
    if base is not None and base.inputs == {raw.table: raw.version}:
        return skipped(step)
    context.report(f"{source.name}: cleaning")
    through = base.through if base else -1
    rows = context.workspace.read(raw.table, raw.version, where=pc.field("_sequence") > through)
    cleaned = cleaned_rows(rows, source, seen=_seen(context, base, source))
    rejected = quarantine(context, source, "clean", cleaned.rejected, anew=base is None)
    write = context.write(
        node.name,
        cleaned.rows,
        on=current,
        replace=base is None,
        definition=node.definition,
        inputs={raw.table: raw.version},
        through=raw.through,
        details={"complete_until": _complete_until(base, cleaned.rows)},
    )
    dropped = rows.num_rows - cleaned.rows.num_rows - cleaned.rejected.num_rows
    step = counted(
        step,
        rows.num_rows,
        cleaned.rows.num_rows,
        cleaned.rejected.num_rows,
        dropped,
        steps=[asdict(count) for count in cleaned.steps],
        rules=[asdict(count) for count in cleaned.rules],
    )
    context.commit([write, rejected], step)
    return ended(step)


def _seen(context: Context, base: TableVersion | None, source: Source) -> pa.Table | None:
    """What earlier runs have let through, as far as duplicates are told by it."""
    columns = dedupe_columns(source)
    if base is None or not columns:
        return None
    return context.workspace.read(base.table, base.version, columns)


def builds_on(version: TableVersion, node: TableNode, inputs: list[TableVersion]) -> bool:
    """Whether a version is of this definition, and its inputs have only grown since."""
    return version.definition == node.definition and all(
        version.inputs.get(given.table, -1) >= given.details["rebuilt"] for given in inputs
    )


def _complete_until(base: TableVersion | None, rows: pa.Table) -> int | None:
    """The latest event time so far, up to which the source is taken to be complete; ns since 1970, UTC."""
    before: int | None = base.details["complete_until"] if base else None
    times = rows["_event_time"].cast(pa.timestamp("ns", "UTC")).cast(pa.int64())
    return max((time for time in (before, pc.max(times).as_py()) if time is not None), default=None)
