"""Clean: rows that are new in a raw table are cleaned, held against their rules and made known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import pyarrow as pa

from asof.features.graph import TableNode
from asof.features.source import Source
from asof.steps.clean_parts import cleaned_parts
from asof.steps.context import Context, counted, ended, skipped
from asof.steps.fill_versions import due_versions, filled_from, statistics_due
from asof.steps.max_rejected import check_rejected
from asof.steps.quarantine import quarantine
from asof.steps.validate import validated
from asof.storage.catalogue import Step, TableVersion
from asof.storage.tables import Base
from asof.transforms.clean_job import CleanedPart, CleanJob
from asof.transforms.cleaning.counts import merged
from asof.transforms.validation import counts, profile
from asof.transforms.validation.counts import Count
from asof.transforms.validation.profile import Profile, from_json, to_json


@dataclass(frozen=True)
class _Made:
    """Parts staged on top of `base` (None: in place of all rows), and the versions nulls are filled from."""

    base: TableVersion | None
    into: Base
    schema: pa.Schema
    parts: list[CleanedPart]
    filled_from: list[dict[str, int | None]]

    @property
    def profile(self) -> Profile:
        """What is known of all rows that the table then has."""
        before = [from_json(self.base.details)] if self.base else []
        return profile.merged([*before, *(part.profile for part in self.parts if part.profile)])

    @property
    def held(self) -> list[Count]:
        """How many rows were set aside by which rule."""
        return counts.merged([part.rules for part in self.parts])


def clean(context: Context, node: TableNode, source: Source) -> Step:
    """Bring a clean table up to date with its raw table.

    Where the source's definition has changed, the raw table was rebuilt, or new rows change what
    came of old ones, it is built anew.
    """
    step = context.begin(f"clean {source.name}")
    raw = context.workspace.current(node.inputs[0])
    current = context.current(node.name)
    standing = context.standing(current)
    base = standing if standing and builds_on(standing, node, [raw]) else None
    if base is not None and base.inputs == {raw.table: raw.version}:
        return skipped(step)
    context.report("cleaning")
    made = _added(context, node, source, raw, base) or _anew(context, node, source, raw)
    rejected, known = pa.concat_tables(part.rejected for part in made.parts), made.profile
    write = context.commit_files(
        made.into,
        [file for part in made.parts for file in part.files],
        on=current,
        schema=made.schema,
        replace=made.base is None,
        definition=node.definition,
        inputs={raw.table: raw.version},
        through=raw.through,
        details={**_latest(made.base, made.parts), **to_json(known)},
    )
    step = _accounted(step, made, rejected.num_rows)
    check_rejected(context, source, step, [rejected], whole=True)
    step = validated(context, source, write, known, made.held, step)
    aside = quarantine(context, source, "clean", rejected, anew=made.base is None)
    return ended(context.commit([write, aside], step))


def builds_on(version: TableVersion, node: TableNode, inputs: list[TableVersion]) -> bool:
    """Whether a version is of this definition, and its inputs have only grown since."""
    return version.definition == node.definition and all(
        version.inputs.get(given.table, -1) >= given.details["rebuilt"] for given in inputs
    )


def _added(
    context: Context, node: TableNode, source: Source, raw: TableVersion, base: TableVersion | None
) -> _Made | None:
    """The new rows on top of `base`; None where there is no base, or where they change old rows."""
    return None if base is None else _made(context, node, source, raw, base)


def _anew(context: Context, node: TableNode, source: Source, raw: TableVersion) -> _Made:
    made = _made(context, node, source, raw, None)
    assert made is not None  # there are no old rows that could change
    return made


def _made(
    context: Context, node: TableNode, source: Source, raw: TableVersion, base: TableVersion | None
) -> _Made | None:
    clean_table, first = context.workspace.table(node.name), base.through + 1 if base else 0
    due = due_versions(context, node, source, raw, first)
    job = CleanJob(
        source,
        context.workspace.table(raw.table),
        raw.version,
        (clean_table, base.version) if base else None,
        statistics_due(context, source, due),
    )
    schema = job.schema()
    into = context.workspace.base(node.name, schema, on=context.current(node.name))
    parts = cleaned_parts(context, job, into, first, raw.through + 1)
    return None if parts is None else _Made(base, into, schema, parts, filled_from(due))


def _accounted(step: Step, made: _Made, quarantined: int) -> Step:
    parts = made.parts
    read, written = sum(part.read for part in parts), sum(part.written for part in parts)
    filled = {"filled_from": made.filled_from} if made.filled_from else {}
    return counted(
        step,
        read,
        written,
        quarantined,
        read - written - quarantined,
        steps=[asdict(count) for count in merged([part.steps for part in parts])],
        **filled,
    )


def _latest(base: TableVersion | None, done: Sequence[CleanedPart]) -> dict[str, int | None]:
    """The latest moments so far, in ns since 1970, UTC, or None.

    `complete_until` is the latest event time, up to which the source is taken to be complete;
    `latest_known` the latest time since when a row is known, where the source tells it.
    """
    moments = {
        "complete_until": [part.latest for part in done],
        "latest_known": [part.latest_known for part in done],
    }
    return {
        name: max((time for time in times if time is not None), default=None)
        for name, found in moments.items()
        for times in [[*found, base.details[name]] if base else found]
    }
