"""Where an incremental reading stands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from asof.errors import DataError
from asof.features.durations import Duration
from asof.ingest.batch import Cursor
from asof.ingest.records.rejected import REMEMBERED
from asof.ingest.sql.marks import Mark, earlier, greatest, reaches

Remembered = tuple[str, str | None]
"""The hash of a rejected row, and its cursor value as text, None where it has none."""


@dataclass(frozen=True)
class Position:
    """Rows read, the greatest cursor value, and the rejected rows that may be met again."""

    rows: int = 0
    last: Mark | None = None
    rejected: tuple[Remembered, ...] = ()

    @classmethod
    def of(cls, cursor: Mapping[str, Any] | None) -> Position:
        """The position that a cursor holds, at the start where there is none."""
        if not cursor:
            return cls()
        last = Mark(*cursor["last"]) if cursor["last"] else None
        return cls(cursor["rows"], last, tuple((digest, at) for digest, at in cursor["rejected"]))

    @property
    def cursor(self) -> Cursor:
        """The position as JSON values."""
        last = list(self.last) if self.last else None
        return {"rows": self.rows, "last": last, "rejected": [list(entry) for entry in self.rejected]}

    def low(self, overlap: Duration | int | None) -> Mark | None:
        """The least cursor value that a new row may have; None at the start."""
        return earlier(self.last, overlap) if self.last else None

    def after(
        self,
        *,
        rows: int,
        last: Mark | None,
        rejected: Iterable[Remembered],
        overlap: Duration | int | None,
        owner: str,
    ) -> Position:
        """The position behind some rows, up to the value `last`, with those that were rejected."""
        at = greatest(self.last, last, overlap) if last else self.last
        moved = Position(self.rows + rows, at, (*self.rejected, *rejected))
        low = moved.low(overlap)
        kept = tuple(entry for entry in moved.rejected if _is_met_again(entry[1], low, overlap))
        if len(kept) > REMEMBERED:
            raise DataError(
                f"{owner}: more than {REMEMBERED:,} rows of the overlap are or may be in quarantine; "
                "mend the definition or the rows, leave them out by a query, or take a shorter overlap"
            )
        return Position(moved.rows, at, kept)


def _is_met_again(at: str | None, low: Mark | None, overlap: Duration | int | None) -> bool:
    return at is None or low is None or reaches(Mark(low.kind, at), low, overlap)
