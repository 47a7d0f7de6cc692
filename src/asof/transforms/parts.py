"""Parts of a table: ranges of its rows by `_sequence`, a few of which fit into memory at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from asof.storage.tables import Table

ROWS_PER_PART = 1_000_000


@dataclass(frozen=True)
class Part:
    """The rows with `first <= _sequence < end`."""

    number: int
    first: int
    end: int

    def read(self, table: Table, version: int, columns: Sequence[str] | None = None) -> pa.Table:
        """The rows of the part."""
        return table.read(version, columns, where=self.wanted)

    @property
    def wanted(self) -> pc.Expression:
        """Whether a row is of the part."""
        sequence = pc.field("_sequence")
        return (sequence >= self.first) & (sequence < self.end)


def parts_of(first: int, end: int, *, whole: bool = False) -> list[Part]:
    """The rows from `first` to before `end` in parts (`whole`: one part); at least one, maybe empty."""
    size = max(end - first, 1) if whole else ROWS_PER_PART
    starts = range(first, max(end, first + 1), size)
    return [Part(number, start, min(start + size, end)) for number, start in enumerate(starts)]
