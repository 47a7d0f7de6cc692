"""Running the steps of a source, all but those that hold rows against each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeGuard

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from asof.errors import DataError, DefinitionError
from asof.features.cleaning import Normalise, ParseDate, ParseNumber, ParseQuantity, Step
from asof.features.source import Source
from asof.transforms.cleaning.counts import StepCount, text_counts
from asof.transforms.cleaning.described import described
from asof.transforms.cleaning.given import Given, given_rows
from asof.transforms.cleaning.query import OUT, given_name, query
from asof.transforms.cleaning.rejection import Refusal
from asof.transforms.expressions import explained, session, widened

Reading = Normalise | ParseDate | ParseNumber | ParseQuantity


@dataclass(frozen=True)
class Stepped:
    """The rows that the steps leave, in the order of `_sequence`, and what became of the others."""

    rows: pa.Table
    refusals: list[Refusal]
    counts: list[StepCount]


def apply_steps(rows: pa.Table, source: Source, given: Given) -> Stepped:
    """Rows after all steps, with the source's columns and `_sequence`; whole numbers are in 64 bits.

    Steps are row-wise here: of `Dedupe` only the (empty) count is made. DefinitionError where a step does
    not fit its columns, which no rows at all are enough to find, DataError where it fails on a value.
    """
    stepped = _run(rows, source, given, len(source.clean))
    left = stepped.filter(pc.is_null(stepped[OUT])).select([*source.columns, "_sequence"])
    counts = [_count(stepped, position, step) for position, step in enumerate(source.clean)]
    refusals = [
        refusal
        for position, step in enumerate(source.clean)
        if _refuses(step)
        for refusal in _refusals(stepped, position, step)
    ]
    return Stepped(left, refusals, counts)


def rows_before(rows: pa.Table, source: Source, given: Given, position: int) -> pa.Table:
    """Rows as the step at a position is given them."""
    stepped = _run(rows, source, given, position)
    return stepped.filter(pc.is_null(stepped[OUT]))


def in_sequence(rows: pa.Table) -> pa.Table:
    """The rows in the order of `_sequence`."""
    sequence = rows["_sequence"].to_numpy()
    return rows if bool(np.all(np.diff(sequence) > 0)) else rows.sort_by("_sequence")


def _run(rows: pa.Table, source: Source, given: Given, steps: int) -> pa.Table:
    try:
        return in_sequence(_computed(rows, source, given, steps))
    except duckdb.Error as error:
        raise _blamed(rows, source, given, error) from error


def _computed(rows: pa.Table, source: Source, given: Given, steps: int) -> pa.Table:
    with session() as connection:
        connection.register("ingested", widened(rows.select([*source.schema, "_sequence"])))
        for position, table in given_rows(source, given).items():
            connection.register(given_name(position), table)
        return connection.sql(query(source, steps).sql).to_arrow_table()


def _blamed(rows: pa.Table, source: Source, given: Given, error: duckdb.Error) -> DataError | DefinitionError:
    """The error of the first step that fails on the rows as the ones before it leave them."""
    for position, step in enumerate(source.clean):
        try:
            _computed(rows, source, given, position + 1)
        except duckdb.Error as own:
            return explained(f"source {source.name!r}: {described(step)}", own)
    return explained(f"source {source.name!r}", error)


def _count(stepped: pa.Table, position: int, step: Step) -> StepCount:
    gone = int(pc.sum(pc.equal(stepped[OUT], position)).as_py() or 0)
    reads = f"_unread_{position}" in stepped.column_names
    texts = stepped[f"_unread_{position}"] if reads else pa.chunked_array([], pa.string())
    refuses = _refuses(step)
    return StepCount(
        position,
        described(step),
        dropped=0 if refuses else gone,
        changed=_true(stepped, f"_changed_{position}"),
        nulled=len(texts) - texts.null_count - (gone if refuses else 0) if isinstance(step, Reading) else 0,
        quarantined=gone if refuses else 0,
        unfilled=_true(stepped, f"_unfilled_{position}"),
        unread=text_counts(texts),
    )


def _refusals(stepped: pa.Table, position: int, step: Reading) -> list[Refusal]:
    refused = stepped.filter(pc.equal(stepped[OUT], position))
    texts, sequences = refused[f"_unread_{position}"].to_pylist(), refused["_sequence"].to_pylist()
    return [
        Refusal(sequence, f"{step.column}: {described(step)} can't read {text!r}", step.column)
        for sequence, text in zip(sequences, texts, strict=True)
    ]


def _refuses(step: Step) -> TypeGuard[Reading]:
    return isinstance(step, Reading) and step.on_fail == "quarantine"


def _true(rows: pa.Table, column: str) -> int:
    return int(pc.sum(rows[column]).as_py() or 0) if column in rows.column_names else 0
