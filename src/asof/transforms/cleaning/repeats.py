"""Rows that agree with others in the columns of a dedupe, of which one stays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from asof.features.cleaning import Dedupe
from asof.features.source import Source
from asof.storage.hashing import Words, absorb, nulls, words
from asof.storage.layout import EVENT_TIME, SEQUENCE
from asof.transforms.cleaning.rejection import retracted
from asof.transforms.expressions import session

Hashes = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class Kept:
    """Which of the rows stay, and how many earlier rows one of them takes the place of."""

    rows: npt.NDArray[np.bool_]
    reaches_back: int


def dedupe_step(source: Source) -> tuple[int, Dedupe] | None:
    """The position and the step by which rows are held against each other."""
    found = [(i, step) for i, step in enumerate(source.clean) if isinstance(step, Dedupe)]
    return found[0] if found else None


def compared_columns(source: Source) -> tuple[str, ...]:
    """The columns of clean rows that tell which of them stay; none where nothing is deduplicated."""
    found = dedupe_step(source)
    if found is None:
        return ()
    _, step = found
    order = [] if step.keep == "first" else [step.by or EVENT_TIME]
    taken_back = [source.retracted] if source.retracted else []
    return tuple(dict.fromkeys((*step.columns, *order, *taken_back, SEQUENCE)))


def kept(rows: pa.Table, source: Source, step: Dedupe, earlier: pa.Table | None) -> Kept:
    """Which of `rows` stay, held against each other and against `earlier` clean rows.

    Both have at least `compared_columns`. Rows that take a fact back stay, and are not counted for others.
    """
    exempt = np.asarray(retracted(rows, source).to_numpy(), bool)
    facts = [_facts(rows, source)] + ([] if earlier is None else [_facts(earlier, source)])
    chosen = (_firsts if step.keep == "first" else _latest)(pa.concat_tables(facts), step)
    stays = np.asarray(pc.is_in(rows[SEQUENCE], chosen).to_numpy(), bool) | exempt
    if step.keep == "first" or earlier is None:
        return Kept(stays, 0)
    there = int(pc.sum(pc.is_in(_facts(earlier, source)[SEQUENCE], chosen)).as_py() or 0)
    return Kept(stays, _facts(earlier, source).num_rows - there)


def key_hashes(rows: pa.Table, columns: tuple[str, ...]) -> Hashes:
    """A hash of the values of some columns, null being one of them, for each row."""
    hashes = [np.empty(0, np.uint64)]
    for batch in rows.select(list(columns)).to_batches():
        state: Words = np.zeros(batch.num_rows, np.uint64)
        for column in batch.columns:
            state = absorb(state, words(column), nulls(column))
        hashes.append(state)
    return np.concatenate(hashes)


def _facts(rows: pa.Table, source: Source) -> pa.Table:
    return rows.select(list(compared_columns(source))).filter(pc.invert(retracted(rows, source)))


def _firsts(facts: pa.Table, step: Dedupe) -> pa.Array:
    """The `_sequence` of the first row of each kind."""
    firsts = facts.group_by(list(step.columns)).aggregate([(SEQUENCE, "min")])
    return firsts[f"{SEQUENCE}_min"].combine_chunks()


def _latest(facts: pa.Table, step: Dedupe) -> pa.Array:
    """The `_sequence` of the latest row of each kind."""
    keys = ", ".join(f"c{place}" for place in range(len(step.columns)))
    order = step.by or EVENT_TIME
    named = pa.table(
        {f"c{place}": facts[name] for place, name in enumerate(step.columns)}
        | {"_order": facts[order], SEQUENCE: facts[SEQUENCE]}
    )
    latest = f"row_number() OVER (PARTITION BY {keys} ORDER BY _order DESC NULLS LAST, _sequence DESC) = 1"
    with session() as connection:
        connection.register("facts", named)
        chosen = connection.sql(f"SELECT _sequence FROM facts QUALIFY {latest}").to_arrow_table()
    return chosen[SEQUENCE].combine_chunks()
