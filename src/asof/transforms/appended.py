"""Statistics of a table that rows are appended to."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa

from asof.storage.arrow_types import arrow_type
from asof.transforms.statistics import ColumnStatistics, Statistics, statistics


def extended(before: Statistics, rows: int, more: pa.Table) -> Statistics:
    """The statistics of a table of `rows` rows once `more` follow; a column is null where it is not there."""
    new = statistics(more)
    names = dict.fromkeys([*before, *new])
    return {
        name: (before.get(name) or _nulls(rows, new[name].type)).merged(
            new.get(name) or _nulls(more.num_rows, before[name].type)
        )
        for name in names
    }


def _nulls(rows: int, kind: str) -> ColumnStatistics:
    nothing = pa.table({"": pa.array([], arrow_type(kind))})
    return replace(statistics(nothing)[""], nulls=rows)
