"""The rows of a source as they would have been seen at some moment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from asof.storage.layout import EVENT_TIME, KNOWN_FROM, KNOWN_UNTIL, SEQUENCE
from asof.transforms.kernels.instants import NS_PER, Ints

ALWAYS = np.iinfo(np.int64).min


class Seen(Protocol):
    """Gives rows of the source of that name, clean or laid out, as they are seen."""

    def __call__(self, rows: pa.Table, source: str) -> pa.Table: ...


def all_of_them(rows: pa.Table, source: str) -> pa.Table:
    """The rows as they are."""
    return rows


@dataclass(frozen=True)
class Until:
    """Only what had happened and was known at a moment (ns since 1970, UTC)."""

    moment: int

    def __call__(self, rows: pa.Table, source: str) -> pa.Table:
        rows = rows.filter(self._by(rows[EVENT_TIME]))
        if KNOWN_FROM in rows.column_names:
            rows = rows.filter(self._by(rows[KNOWN_FROM]))
        if KNOWN_UNTIL in rows.column_names:
            until = rows[KNOWN_UNTIL]
            held = pc.if_else(self._by(until), until, pa.scalar(None, until.type))
            rows = rows.set_column(rows.column_names.index(KNOWN_UNTIL), KNOWN_UNTIL, held)
        return rows

    def _by(self, times: pa.ChunkedArray) -> pa.ChunkedArray:
        return pc.less_equal(times.cast(pa.int64()), self.moment // NS_PER[times.type.unit])


@dataclass(frozen=True)
class Arrivals:
    """When rows came in: those through `_sequence` `through[i]`, in order, not before `since[i]` (ns)."""

    through: Sequence[int]
    since: Sequence[int]

    def of(self, sequences: Ints) -> Ints:
        """The moment of each row; ALWAYS for rows of which it isn't known."""
        moments = np.append(np.asarray(self.since, np.int64), ALWAYS)
        return moments[np.searchsorted(self.through, sequences)]


@dataclass(frozen=True)
class Arrived:
    """Rows are known no earlier than they came in; `arrivals` by source."""

    arrivals: Mapping[str, Arrivals]

    def __call__(self, rows: pa.Table, source: str) -> pa.Table:
        if source not in self.arrivals:
            return rows
        known = rows[KNOWN_FROM if KNOWN_FROM in rows.column_names else EVENT_TIME]
        came = self.arrivals[source].of(rows[SEQUENCE].to_numpy()) // NS_PER[known.type.unit]
        moved = np.maximum(known.cast(pa.int64()).to_numpy(), came)
        column = pa.array(moved).cast(known.type)
        kept = rows.drop_columns([KNOWN_FROM]) if KNOWN_FROM in rows.column_names else rows
        return kept.append_column(KNOWN_FROM, column)
