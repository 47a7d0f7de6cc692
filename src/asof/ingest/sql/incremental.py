"""New rows of a table by a cursor column, and those that come late.

Rows are read in the order of the cursor column, from the greatest value so far less the overlap. Of
those within the overlap, and of those that share the greatest value, some were taken before. What
tells them is the raw table itself: a row is known by its cursor value and its key. That is exact,
needs memory for the overlap alone, and keeps the cursor small, as hashes in it would not. Only of rows
that went to quarantine, which the raw table does not have, the cursor keeps hashes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt
import sqlalchemy as sa

from asof.errors import DataError
from asof.features.readers.sql import Sql
from asof.features.source import Source
from asof.ingest.batch import Batch, Rejection, rejected_table
from asof.ingest.place import Place
from asof.ingest.records.arrow import typed
from asof.ingest.records.columns import pieces, told
from asof.ingest.records.digests import digests
from asof.ingest.records.parsed import Parsed
from asof.ingest.records.rejected import raw_digest, raw_digests
from asof.ingest.schema.contract import LINE
from asof.ingest.sql.database import Database
from asof.ingest.sql.marks import Mark, mark
from asof.ingest.sql.position import Position, Remembered
from asof.ingest.sql.selection import Selection
from asof.ingest.sql.statements import since
from asof.ingest.sql.values import finite, plain
from asof.storage.quarantine import JSON_ROW, json_rows


class Incremental:
    """One reading: from a position to where the database stood when the transaction began."""

    def __init__(self, source: Source, place: Place, key: Sequence[str], owner: str) -> None:
        assert isinstance(source.reader, Sql)
        assert source.reader.cursor is not None
        self._source, self._place, self._owner = source, place, owner
        self._origin, self._overlap = source.reader.origin, source.reader.overlap
        self._cursor, self._key = source.reader.cursor, key
        self._identity = list(dict.fromkeys([self._cursor, *key]))

    def batches(self, database: Database, selection: Selection, position: Position) -> Generator[Batch]:
        """The rows that are behind the position, or late."""
        low = position.low(self._overlap)
        known = self._taken(low)
        met = Counter(digest for digest, _ in position.rejected)
        for answer in database.rows(self._statement(database, selection, low), self._place.memory):
            type = self._sorted(answer.schema.field(self._cursor).type)
            for piece in pieces(plain(answer, selection.wanted), self._place.memory):
                new = self._unknown(_unmet(piece, met), known)
                if new.num_rows:
                    batch, position = self._batch(new, position, type)
                    yield batch

    def _sorted(self, type: pa.DataType) -> pa.DataType:
        """The type of the cursor column in the database, where its values sort as the declared ones do."""
        if pt.is_string(type) and self._source.schema[self._cursor].is_numeric:
            raise DataError(
                f"{self._owner}: cursor {self._cursor!r} is text, which sorts otherwise than numbers; "
                "cast it in a query"
            )
        return type

    def _statement(self, database: Database, selection: Selection, low: Mark | None) -> sa.Select[Any]:
        at, *ties = (selection.relation.c[name] for name in self._identity)
        bound = None if low is None else database.literal(*low)
        return since(selection.rows, at, bound).order_by(at, *ties)

    def _batch(self, values: pa.Table, position: Position, type: pa.DataType) -> tuple[Batch, Position]:
        lacking = told(values, [self._cursor], self._source)[self._cursor].is_null()
        placed, unplaced = values.filter(pc.invert(lacking)), values.filter(lacking)
        marks = finite(placed[self._cursor], type)
        parsed = typed(placed, self._source, position.rows)
        outside = self._rejections(unplaced, position.rows + placed.num_rows)
        position = position.after(
            rows=values.num_rows,
            last=mark(marks[-1]) if len(marks) else None,
            rejected=[
                *_met_again(placed, marks, _at_fault(parsed, position.rows)),
                *((raw_digest(each.raw), None) for each in outside),
            ],
            overlap=self._overlap,
            owner=self._owner,
        )
        rejected = rejected_table([*parsed.rejections, *outside], self._origin)
        return Batch(parsed.rows, rejected, position.cursor, self._origin, values.num_rows), position

    def _rejections(self, unplaced: pa.Table, before: int) -> list[Rejection]:
        """Rows that are in no place of the order; they would be new for ever."""
        reason = f"{self._cursor}: is the cursor, and says no place in its order"
        raws = json_rows(unplaced) if unplaced.num_rows else []
        return [
            Rejection(before + row, raw, reason, self._cursor, JSON_ROW) for row, raw in enumerate(raws, 1)
        ]

    def _unknown(self, values: pa.Table, known: Counter[bytes]) -> pa.Table:
        """The rows that were not taken before."""
        if not known or not values.num_rows:
            return values
        identities = digests(told(values, self._identity, self._source), self._identity)
        return values.filter(_consumed(identities, known))

    def _taken(self, low: Mark | None) -> Counter[bytes]:
        """The rows taken before that may be met again: those at `low` or, with an overlap, behind it."""
        known: Counter[bytes] = Counter()
        if low is None:
            return known
        for rows in self._place.taken(self._identity, self._reached(low)):
            known.update(digests(rows, self._identity))
        return known

    def _reached(self, low: Mark) -> pc.Expression | None:
        """The condition for rows that may be met again; None where `low` is no value of the cursor's type."""
        at = pa.table({self._cursor: [low.text]})
        bound = told(at, [self._cursor], self._source)[self._cursor][0]
        if not bound.is_valid:
            return None
        cursor = pc.field(self._cursor)
        return cursor >= bound if self._overlap else cursor == bound


def _at_fault(parsed: Parsed, before: int) -> pa.Array:
    """The places of the rows that were rejected, or that the source's contract may yet reject."""
    lines = [each.line for each in parsed.rejections]
    if LINE in parsed.rows.column_names:
        lines += parsed.rows[LINE].drop_null().to_pylist()
    return pa.array([line - before - 1 for line in lines if line is not None], pa.int64())


def _met_again(rows: pa.Table, marks: pa.ChunkedArray, at_fault: pa.Array) -> Iterator[Remembered]:
    """What the cursor is to remember of rows at fault."""
    for digest, value in zip(raw_digests(rows.take(at_fault)), marks.take(at_fault), strict=True):
        yield digest, mark(value).text


def _unmet(values: pa.Table, met: Counter[str]) -> pa.Table:
    """The rows that were not rejected before."""
    return values.filter(_consumed(raw_digests(values), met)) if met else values


def _consumed(found: Sequence[Any], known: Counter[Any]) -> pa.Array:
    """Which are not known; each that is known is so once."""
    fresh = []
    for each in found:
        left = known.pop(each, 0)
        fresh.append(not left)
        if left > 1:
            known[each] = left - 1
    return pa.array(fresh, pa.bool_())
