"""Cleaning: the declared steps applied to ingested rows, rows at fault set aside, repeated ones dropped."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from asof.errors import DataError
from asof.features.cleaning import FillPrevious
from asof.features.source import Source
from asof.storage.arrow_types import arrow_type
from asof.transforms.cleaning.counts import StepCount
from asof.transforms.cleaning.given import Given
from asof.transforms.cleaning.previous import candidates, previous_values
from asof.transforms.cleaning.rejection import Refusal, rejected, retracted
from asof.transforms.cleaning.repeats import dedupe_step, kept
from asof.transforms.cleaning.steps import apply_steps, in_sequence
from asof.transforms.validation.counts import Count
from asof.transforms.validation.hold import hold

UTC_MICROSECONDS = pa.timestamp("us", "UTC")


@dataclass(frozen=True)
class Cleaned:
    """Rows read = `rows` + `rejected` + those that the `steps` dropped.

    `rows` has the source's columns after cleaning, then `_sequence`, `_event_time` and, where the
    source declares `created`, `_known_from`; in the order of `_sequence`. `rejected` has the columns
    of `asof.storage.quarantine.REJECTED` and `_sequence`; its raw content is the ingested row as JSON.
    `reaches_back` counts earlier clean rows that would not be as they are: the table is to be built anew.
    """

    rows: pa.Table
    rejected: pa.Table
    steps: tuple[StepCount, ...]
    rules: tuple[Count, ...]
    reaches_back: int = 0


def clean(
    rows: pa.Table, source: Source, *, earlier: pa.Table | None = None, given: Given | None = None
) -> Cleaned:
    """Apply a source's cleaning steps and rules to ingested rows (its schema and `_sequence`).

    The steps in order; a row without event time or created time is rejected; the rules are held against
    the rest. Last of all repeated rows are dropped: those that passed are held against each other and
    `earlier`, clean rows with at least `compared_columns`, in the columns of a `dedupe` as they are after
    all steps. So what is kept does not depend on how rows are cut into batches. `given` are rows that
    steps take from elsewhere; without them nulls are filled from previous ones of `rows` alone, and not
    from an earlier version.

    Retractions are never dropped or rejected for a rule; one without event time has that of its
    created time. Raises DataError where a step or a rule that must hold fails, DefinitionError
    where a step does not fit its columns, which no rows at all are enough to find.
    """
    passed = clean_rows(rows, source, given_by(rows, source, given or {}))
    return without_repeats(passed, source, earlier)


def clean_rows(rows: pa.Table, source: Source, given: Given) -> Cleaned:
    """As `clean`, but with rows that are repeated still there, and `given` complete."""
    ordered = in_sequence(rows)
    stepped = apply_steps(ordered, source, given)
    timed, timeless = _with_times(_typed(stepped.rows, source), source)
    held = hold(timed, source, ordered)
    aside = pa.concat_tables([rejected([*stepped.refusals, *timeless], ordered), held.rejected])
    return Cleaned(held.rows, aside, tuple(stepped.counts), held.rules)


def without_repeats(cleaned: Cleaned, source: Source, earlier: pa.Table | None) -> Cleaned:
    """The clean rows of which the same is not there already, and the others counted as dropped."""
    found = dedupe_step(source)
    if found is None:
        return cleaned
    position, step = found
    stay = kept(cleaned.rows, source, step, earlier)
    dropped = len(stay.rows) - int(np.count_nonzero(stay.rows))
    return replace(
        cleaned,
        rows=cleaned.rows.filter(pa.array(stay.rows)),
        steps=with_dropped(cleaned.steps, position, dropped),
        reaches_back=stay.reaches_back,
    )


def with_dropped(steps: tuple[StepCount, ...], position: int, more: int) -> tuple[StepCount, ...]:
    """The counts, with more rows dropped by the step at a position."""
    return tuple(count.with_dropped(more) if count.position == position else count for count in steps)


def given_by(rows: pa.Table, source: Source, given: Given) -> Given:
    """What is given, with the previous values that are found in the rows themselves."""
    for position, step in enumerate(source.clean):
        if isinstance(step, FillPrevious) and position not in given:
            found = previous_values(candidates(rows, source, given, position), step.by, 0)
            given = {**given, position: found.values}
    return given


def _typed(rows: pa.Table, source: Source) -> pa.Table:
    for position, (name, dtype) in enumerate(source.columns.items()):
        try:
            column = rows[name].cast(arrow_type(dtype.name))
        except pa.ArrowInvalid as error:
            raise DataError(f"source {source.name!r}, column {name!r}: {error}") from None
        rows = rows.set_column(position, name, column)
    return rows


def _with_times(rows: pa.Table, source: Source) -> tuple[pa.Table, list[Refusal]]:
    """Rows with `_event_time` and `_known_from`, and the refusals of those that lack one."""
    rows = rows.append_column("_event_time", _event_time(rows, source))
    if source.created is not None:
        rows = rows.append_column("_known_from", rows[source.created])
    refusals: list[Refusal] = []
    for column, name, what in (
        ("_event_time", source.event_time, "event time"),
        ("_known_from", source.created, "created time"),
    ):
        if name is not None:
            missing = pc.is_null(rows[column])
            lacking = rows["_sequence"].filter(missing).to_pylist()
            refusals += [Refusal(sequence, f"{name}: {what} missing", name) for sequence in lacking]
            rows = rows.filter(pc.invert(missing))
    return rows, refusals


def _event_time(rows: pa.Table, source: Source) -> pa.ChunkedArray:
    if source.event_time is None:
        moment = pa.scalar(source.known_since, UTC_MICROSECONDS)
        return pa.chunked_array([pa.repeat(moment, rows.num_rows)])
    times = rows[source.event_time]
    if source.created is None or source.retracted is None:
        return times
    instead = rows[source.created].cast(times.type, safe=False)
    return pc.if_else(retracted(rows, source), pc.coalesce(times, instead), times)
