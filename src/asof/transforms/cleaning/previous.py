"""The previous value of a key: what nulls are filled with from earlier rows of the same key."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from asof.features.cleaning import FillPrevious
from asof.features.source import Source
from asof.storage.compiled import compiled
from asof.storage.layout import EVENT_TIME, KNOWN_FROM, NO_KEY, SEQUENCE, bucket_in_order
from asof.storage.ordering import Ints
from asof.transforms.cleaning.given import Given
from asof.transforms.cleaning.rejection import retracted
from asof.transforms.cleaning.steps import rows_before
from asof.transforms.kernels.key_codes import key_runs


@dataclass(frozen=True)
class Found:
    """The `_value` for each null that has one, by its `_of`; and how many of those of rows before `first`
    have it from a row that came later.
    """

    values: pa.Table
    reaches_back: int


def candidates(rows: pa.Table, source: Source, given: Given, position: int) -> pa.Table:
    """What `previous_values` needs of ingested rows: the key, the `_value` or null, times and `_sequence`.

    Rows that lack a time, and those that take a fact back, neither have nor get a value.
    """
    step = source.clean[position]
    assert isinstance(step, FillPrevious)
    before = rows_before(rows, source, given, position)
    before = before.filter(pc.invert(retracted(before, source)))
    columns = {name: before[name] for name in step.by} | {"_value": before[step.column]}
    for name, time in ((EVENT_TIME, source.event_time), (KNOWN_FROM, source.created)):
        if time is not None:
            columns[name] = before[time]
    kept = pa.table(columns | {SEQUENCE: before[SEQUENCE]})
    for name in (EVENT_TIME, KNOWN_FROM):
        kept = kept.filter(pc.is_valid(kept[name])) if name in columns else kept
    return kept


def previous_values(candidates: pa.Table, by: tuple[str, ...], first: int) -> Found:
    """For each null the last value in an earlier row of the key, that was known when the row was.

    All rows of a key must be together. `first` is the `_sequence` from which on rows are new.
    """
    rows = bucket_in_order(candidates, by, NO_KEY)
    [runs] = key_runs([rows], by)
    nulls = np.asarray(rows["_value"].is_null().to_numpy(), bool)
    known = _known(rows)
    givers = _givers(runs.starts.astype(np.int64), runs.codes, known, nulls)
    filled = np.flatnonzero(givers >= 0)
    of = rows[SEQUENCE].to_numpy()
    late = (of[filled] < first) & (of[givers[filled]] >= first)
    values = rows["_value"].combine_chunks().take(pa.array(givers[filled]))
    return Found(pa.table({"_of": of[filled], "_value": values}), int(np.count_nonzero(late)))


def _known(rows: pa.Table) -> Ints:
    if KNOWN_FROM not in rows.column_names:
        return np.zeros(rows.num_rows, np.int64)
    return np.array(rows[KNOWN_FROM].cast(pa.int64()).to_numpy(), np.int64)


@compiled
def _givers(starts: Ints, codes: Ints, known: Ints, nulls: np.ndarray) -> Ints:
    """For each null the row that its value comes from, else -1.

    Of the rows of a key with a value so far those are kept that were known before all later ones.
    """
    givers = np.full(len(nulls), -1, np.int64)
    kept = np.empty(len(nulls), np.int64)
    for run in range(len(codes)):
        if codes[run] < 0:
            continue
        size = 0
        for row in range(starts[run], starts[run + 1]):
            if nulls[row]:
                place = size - 1
                while place >= 0 and known[kept[place]] > known[row]:
                    place -= 1
                if place >= 0:
                    givers[row] = kept[place]
            else:
                while size > 0 and known[kept[size - 1]] >= known[row]:
                    size -= 1
                kept[size] = row
                size += 1
    return givers
