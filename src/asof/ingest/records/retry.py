"""What was read before, under the present definition of its source: rows of old, and those in quarantine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from asof.errors import DataError
from asof.features.source import Source
from asof.ingest.batch import Fault, Rejection, rejected_table
from asof.ingest.records.raw import read_again
from asof.ingest.schema.contract import Known, faults_of
from asof.ingest.values.arrow import caster
from asof.ingest.values.conversion import GIVEN, converted
from asof.ingest.values.target import Target
from asof.ingest.values.texts import as_text
from asof.storage.arrow_types import arrow_type
from asof.storage.quarantine import JSON_ROW, json_rows

SEQUENCE = "_sequence"


@dataclass(frozen=True)
class Retried:
    """The positions (from 0) of the records that are rows now, those rows, and why the others are not."""

    passed: Sequence[int]
    rows: pa.Table
    faults: Mapping[int, Fault]


def retried(quarantined: pa.Table, source: Source, known: Known) -> Retried:
    """Read records again that have the columns of `REJECTED`, each judged as a new one would be.

    What the contract would freeze out stays in quarantine.
    """
    passed: list[int] = []
    pieces: list[pa.Table] = []
    faults: dict[int, Fault] = {}
    raws, layouts = quarantined["raw"].to_pylist(), quarantined["layout"].to_pylist()
    for layout in dict.fromkeys(layouts):
        at = [row for row, found in enumerate(layouts) if found == layout]
        piece, good, bad = _judged([raws[row] for row in at], layout, source, known)
        pieces.append(piece)
        passed += [at[row] for row in good]
        faults |= {at[row]: fault for row, fault in bad.items()}
    if not pieces:
        return Retried([], pa.table({}), {})
    order = np.argsort(passed, kind="stable")
    rows = pa.concat_tables(pieces, promote_options="default").take(pa.array(order, pa.int64()))
    return Retried([passed[at] for at in order], rows, faults)


def carried(rows: pa.Table, source: Source) -> tuple[pa.Table, pa.Table]:
    """Rows of an earlier definition in the present schema, and those that can't be, as rejections.

    Columns are null where the earlier definition lacked them; of those that the present one lacks
    the contract decides. `_sequence` is kept.
    """
    known = {SEQUENCE, *source.schema, *(name + GIVEN for name in source.schema)}
    names = [name for name in rows.column_names if name not in known]
    others = names if source.contract.new_columns == "evolve" else []
    columns = {name: _readable(rows, name, source) for name in source.schema}
    values = pa.table(columns | {name: rows[name] for name in others})
    found, faults = converted(values, source)
    found = found.append_column(SEQUENCE, rows[SEQUENCE])
    if not faults:
        return found, rejected_table([], "")
    at = sorted({fault.row for fault in faults})
    first = {fault.row: fault for fault in reversed(faults)}
    raws = json_rows(rows.drop_columns([SEQUENCE]).take(at))
    rejections = [
        Rejection(None, raw, first[row].reason, first[row].column, JSON_ROW)
        for row, raw in zip(at, raws, strict=True)
    ]
    return found.filter(_all_but(at, rows.num_rows)), rejected_table(rejections, "the raw table")


def _judged(
    raws: Sequence[str], layout: str | None, source: Source, known: Known
) -> tuple[pa.Table, list[int], dict[int, Fault]]:
    read = read_again(raws, layout, source)
    bad = {row: Fault(row, "", reason) for row, reason in read.faults.items()}
    if not read.at:
        return pa.table({}), [], bad
    try:
        rows, faults = converted(read.values, source)
    except DataError as error:
        return pa.table({}), [], bad | {row: Fault(row, "", str(error)) for row in read.at}
    faults += faults_of(rows, source, known, known)
    at_fault = {fault.row: fault for fault in reversed(faults)}
    bad |= {read.at[row]: fault for row, fault in at_fault.items()}
    good = [row for row in range(rows.num_rows) if row not in at_fault]
    return rows.take(pa.array(good, pa.int64())), [read.at[row] for row in good], bad


def _readable(rows: pa.Table, name: str, source: Source) -> pa.ChunkedArray:
    """A column as it is where it can be read as the declared type, else as text."""
    target = Target(arrow_type(source.schema[name].name), source.timezone)
    if name + GIVEN in rows.column_names:
        return pc.coalesce(rows[name + GIVEN], as_text(rows[name]))
    if name not in rows.column_names:
        return pa.chunked_array([pa.nulls(rows.num_rows, target.type)])
    try:
        caster(rows[name].type, target)
    except DataError:
        return as_text(rows[name])
    return rows[name]


def _all_but(at: Sequence[int], count: int) -> pa.Array:
    mask = np.ones(count, dtype=bool)
    mask[list(at)] = False
    return pa.array(mask)
