"""Validate: a source's expectations held against its clean table, before a version of it counts and after."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pyarrow as pa

from asof.errors import DataError
from asof.features.expectations import Expectation
from asof.features.source import Source
from asof.steps.context import Context, Write, now
from asof.storage.catalogue import Step, TableVersion
from asof.transforms.statistics import from_json
from asof.transforms.validation.check import Subject, check
from asof.transforms.validation.counts import Count, counted, merged
from asof.transforms.validation.described import broken
from asof.transforms.validation.hold import judged, quarantine_rules, row_rules
from asof.transforms.validation.outcomes import Outcome
from asof.transforms.validation.profile import Profile
from asof.transforms.validation.versions import Version
from asof.workspace import Workspace

SHOWN = 5
"""Broken expectations that an error lists."""


def validated(
    context: Context, source: Source, write: Write, profile: Profile, held: Sequence[Count], step: Step
) -> Step:
    """The step with the outcome of each expectation of the table that `write` makes, which doesn't count yet.

    `held` counts the rows of this step that were set aside, by the source's `quarantine_rules`. Where an
    expectation fails the step is recorded as failed, and DataError raised.
    """
    if not source.expect:
        return step
    aside = zip(quarantine_rules(source), held, strict=True)
    counts = dict([*zip(row_rules(source), profile.counts, strict=True), *aside])
    past = _past(context.workspace, write.version.version, source)
    subject = _subject(context.workspace, source, write.version, profile, counts, past)
    outcomes = check(subject)
    step = replace(step, details={**step.details, "expectations": [each.to_json() for each in outcomes]})
    failing = [outcome for outcome in outcomes if outcome.fails]
    if failing:
        context.workspace.catalogue.record_step(replace(step, status="failed", finished_at=now()))
        raise DataError(_told(source, failing))
    return step


def validate(workspace: Workspace, source: Source) -> list[Outcome]:
    """The outcome of each expectation of a source's table as it is, in their order.

    NotFound where it has not been built.
    """
    version = workspace.current(f"clean/{source.name}")
    rules = [rule for rule in source.expect if rule.row_wise]
    batches = _batches(workspace, source, version, list(source.columns))
    counts = [counted(pa.Table.from_batches([batch]), rules) for batch in batches]
    profile = Profile(from_json(version.details["statistics"]), ())
    past = _past(workspace, version.version, source)
    found = dict(zip(rules, merged(counts), strict=True))
    return check(_subject(workspace, source, version, profile, found, past))


def _subject(
    workspace: Workspace,
    source: Source,
    version: TableVersion,
    profile: Profile,
    counts: Mapping[Expectation, Count],
    past: Sequence[Version],
) -> Subject:
    return Subject(
        source=source,
        version=Version(version.rows, version.details["rebuilt"], profile.statistics),
        counts=counts,
        read=partial(_reader, workspace, source, version),
        others=partial(_column_of, workspace),
        past=past,
        now=datetime.now(UTC),
    )


def _reader(
    workspace: Workspace, source: Source, version: TableVersion, columns: Sequence[str]
) -> pa.RecordBatchReader:
    schema = workspace.table(version.table).schema(version.version)
    wanted = pa.schema([schema.field(name) for name in columns])
    return pa.RecordBatchReader.from_batches(wanted, _batches(workspace, source, version, columns))


def _batches(
    workspace: Workspace, source: Source, version: TableVersion, columns: Sequence[str]
) -> Iterator[pa.RecordBatch]:
    """The rows that are judged, a batch at a time; at least one."""
    wanted = list(dict.fromkeys([*columns, *([source.retracted] if source.retracted else [])]))
    table = workspace.table(version.table)
    schema = table.schema(version.version)
    yield pa.RecordBatch.from_pylist([], pa.schema([schema.field(name) for name in columns]))
    for batch in table.batches(version.version, wanted):
        yield from judged(pa.Table.from_batches([batch]), source).select(list(columns)).to_batches()


def _column_of(workspace: Workspace, source: Source, column: str) -> pa.RecordBatchReader:
    return _reader(workspace, source, workspace.current(f"clean/{source.name}"), [column])


def _past(workspace: Workspace, before: int, source: Source) -> list[Version]:
    """As many earlier versions as expectations look at, newest first; statistics of the newest alone."""
    wanted = max((int(rule.arguments.get("versions", 0)) + 1 for rule in source.expect), default=0)  # type: ignore[call-overload]
    versions = workspace.history(f"clean/{source.name}", before=before, limit=wanted)
    return [_version(version, statistics=place == 0) for place, version in enumerate(versions)]


def _version(version: TableVersion, *, statistics: bool) -> Version:
    known: Any = from_json(version.details["statistics"]) if statistics else {}
    return Version(version.rows, version.details["rebuilt"], known)


def _told(source: Source, failing: Sequence[Outcome]) -> str:
    """What is broken, with the first row that breaks it."""
    said = "; ".join(broken(outcome) for outcome in failing[:SHOWN])
    more = f"; and {len(failing) - SHOWN} more" if len(failing) > SHOWN else ""
    first = next((outcome.first for outcome in failing if outcome.first is not None), None)
    return f"source {source.name!r}: {said}{more}" + (f"\nFirst: {first}" if first else "")
