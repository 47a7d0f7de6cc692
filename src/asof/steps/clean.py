"""Clean: rows that are new in a raw table are cleaned, held against their rules and made known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from functools import partial

import pyarrow as pa

from asof.features.graph import TableNode
from asof.features.source import Source
from asof.steps.context import Context, counted, ended, skipped
from asof.steps.quarantine import quarantine
from asof.storage.catalogue import Step, TableVersion
from asof.transforms.clean_job import CleanedPart, CleanJob, clean_part, rule_counts, step_counts
from asof.transforms.parts import parts_of


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
    clean_table = context.workspace.table(node.name)
    before = (clean_table, base.version) if base else None
    job = CleanJob(source, context.workspace.table(raw.table), raw.version, before)
    schema = job.schema()
    into = context.workspace.base(node.name, schema, on=current)
    through = base.through if base else -1
    parts = parts_of(through + 1, raw.through + 1, whole=job.whole)
    done = list(context.map(f"{source.name}: cleaning, part", partial(clean_part, job, into), parts))
    rejected = pa.concat_tables(part.rejected for part in done)
    write = context.commit_files(
        into,
        [file for part in done for file in part.files],
        on=current,
        schema=schema,
        replace=base is None,
        definition=node.definition,
        inputs={raw.table: raw.version},
        through=raw.through,
        details={"complete_until": _complete_until(base, done)},
    )
    step = _accounted(step, done, rejected.num_rows)
    context.commit([write, quarantine(context, source, "clean", rejected, anew=base is None)], step)
    return ended(step)


def builds_on(version: TableVersion, node: TableNode, inputs: list[TableVersion]) -> bool:
    """Whether a version is of this definition, and its inputs have only grown since."""
    return version.definition == node.definition and all(
        version.inputs.get(given.table, -1) >= given.details["rebuilt"] for given in inputs
    )


def _accounted(step: Step, done: Sequence[CleanedPart], quarantined: int) -> Step:
    read, written = sum(part.read for part in done), sum(part.written for part in done)
    return counted(
        step,
        read,
        written,
        quarantined,
        read - written - quarantined,
        steps=[asdict(count) for count in step_counts(done)],
        rules=[asdict(count) for count in rule_counts(done)],
    )


def _complete_until(base: TableVersion | None, done: Sequence[CleanedPart]) -> int | None:
    """The latest event time so far, up to which the source is taken to be complete; ns since 1970, UTC."""
    before: int | None = base.details["complete_until"] if base else None
    return max((time for time in (before, *(part.latest for part in done)) if time is not None), default=None)
