"""Cleaning: the declared steps applied to ingested rows, rows at fault set aside, repeated ones dropped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from asof.errors import DataError
from asof.features.cleaning import Dedupe
from asof.features.source import Source
from asof.storage.arrow_types import arrow_type
from asof.transforms.cleaning.expectations import RuleCount, hold
from asof.transforms.cleaning.rejection import Refusal, rejected, retracted
from asof.transforms.cleaning.steps import StepCount, apply_steps

UTC_MICROSECONDS = pa.timestamp("us", "UTC")


@dataclass(frozen=True)
class Cleaned:
    """Rows read = `rows` + `rejected` + those that the `steps` dropped.

    `rows` has the source's columns after cleaning, then `_sequence`, `_event_time` and, where the
    source declares `created`, `_known_from`; in the order of `_sequence`. `rejected` has the columns
    of `asof.storage.quarantine.REJECTED` and `_sequence`; its raw content is the ingested row as JSON.
    """

    rows: pa.Table
    rejected: pa.Table
    steps: tuple[StepCount, ...]
    rules: tuple[RuleCount, ...]


def clean(rows: pa.Table, source: Source, *, seen: pa.Table | None = None) -> Cleaned:
    """Apply a source's cleaning steps and rules to ingested rows (its schema and `_sequence`).

    Row by row: the steps in order; a row without event time or created time is rejected; the rules
    are held against the rest. Last of all repeated rows are dropped, so that what is kept does not
    depend on how rows are cut into batches: a row goes where an earlier one that passed, or one of
    `seen`, agrees with it in the columns of a `dedupe` as they are after all steps. `seen` holds
    the clean rows so far, with at least the columns of `dedupe_columns`.

    Retractions are never dropped or rejected for a rule; one without event time has that of its
    created time. Raises DataError where a step or a rule that must hold fails, DefinitionError
    where a step does not fit its columns, which no rows at all are enough to find.
    """
    ordered = _in_order(rows)
    stepped, counts = apply_steps(ordered, source)
    timed, timeless = _with_times(_typed(stepped, source), source)
    held = hold(timed, source, ordered)
    kept, repeated = _without_repeats(held.rows, source, seen)
    return Cleaned(
        rows=kept,
        rejected=pa.concat_tables([rejected(timeless, ordered), held.rejected]),
        steps=tuple(count.with_dropped(repeated.get(count.position, 0)) for count in counts),
        rules=held.rules,
    )


def dedupe_columns(source: Source) -> tuple[str, ...]:
    """The columns that `clean` needs of the rows seen before; none where nothing is deduplicated."""
    keys = [step.columns for step in source.clean if isinstance(step, Dedupe)]
    also = [source.retracted] if keys and source.retracted else []
    return tuple(dict.fromkeys(chain(*keys, also)))


def _in_order(rows: pa.Table) -> pa.Table:
    sequence = rows["_sequence"].to_numpy()
    return rows if bool(np.all(np.diff(sequence) > 0)) else rows.sort_by("_sequence")


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


def _without_repeats(
    rows: pa.Table, source: Source, seen: pa.Table | None
) -> tuple[pa.Table, dict[int, int]]:
    """The rows that are the first of their kind, and how many each dedupe step dropped."""
    dropped = {}
    for position, step in enumerate(source.clean):
        if isinstance(step, Dedupe):
            first = _is_first(rows, source, step.columns, seen)
            dropped[position] = rows.num_rows - int(np.count_nonzero(first))
            rows = rows.filter(pa.array(first))
    return rows, dropped


def _is_first(rows: pa.Table, source: Source, keys: Sequence[str], seen: pa.Table | None) -> np.ndarray:
    exempt = retracted(rows, source)
    known = [_facts(rows, source).select([*keys, "_sequence"])]
    if seen is not None:
        before = _facts(seen, source).select(keys)
        known.append(before.append_column("_sequence", pa.repeat(pa.scalar(-1, pa.int64()), len(before))))
    firsts = pa.concat_tables(known).group_by(list(keys)).aggregate([("_sequence", "min")])
    first = pc.is_in(rows["_sequence"], firsts["_sequence_min"].combine_chunks())
    return np.asarray(pc.or_(first, exempt).to_numpy(), dtype=bool)


def _facts(rows: pa.Table, source: Source) -> pa.Table:
    return rows.filter(pc.invert(retracted(rows, source)))
