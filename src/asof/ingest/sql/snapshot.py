"""A whole table against what was taken of it before: what is new, what changed, what vanished.

A row is compared by 128 bits for its key and as many for its values, in a file, so that memory does not
grow with the table (but for a byte a row); the rows themselves wait in files until it is known which count.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from asof.errors import DataError
from asof.features.readers.sql import Sql
from asof.features.source import Source
from asof.ingest.batch import Batch, Cursor, Rejection, rejected_table
from asof.ingest.place import Place
from asof.ingest.records.arrow import typed
from asof.ingest.sql.comparison import Comparison, Mask, compared
from asof.ingest.sql.database import Database
from asof.ingest.sql.position import REMEMBERED
from asof.ingest.sql.rejected import raw_digests
from asof.ingest.sql.selection import Selection
from asof.ingest.sql.values import no_rows, pieces, plain, told


class SnapshotReading:
    """One reading of the whole table, known from its moment on.

    The cursor holds that moment, and hashes of the rows that were rejected, which the next reading
    meets again. A row is compared in the declared columns.
    """

    def __init__(self, source: Source, place: Place, cursor: Mapping[str, Any] | None, owner: str) -> None:
        assert isinstance(source.reader, Sql)
        assert source.reader.snapshot is not None
        self._source, self._place, self._owner = source, place, owner
        self._snapshot, self._origin = source.reader.snapshot, source.reader.origin
        added = (self._snapshot.known_at, self._snapshot.deleted)
        self._columns = [name for name in source.schema if name not in added]
        self._known_at = _moment(cursor["known_at"] if cursor else None)
        self._met = set(cursor["rejected"] if cursor else ())
        self._rejections: list[Rejection] = []
        self._rejected: list[str] = []

    def batches(self, database: Database, selection: Selection) -> Iterator[Batch]:
        """What is not as it was, then what is no longer there; after the whole table was read."""
        key, memory = self._snapshot.key, self._place.memory
        with (
            tempfile.TemporaryDirectory(prefix="asof-") as folder,
            compared(Path(folder), key, self._columns, memory) as comparison,
        ):
            for batch in self._place.taken([*self._columns, *self._deleted]):
                comparison.add_before(batch, self._snapshot.deleted)
            files = list(self._read(database, selection, comparison, Path(folder)))
            self._check_key(comparison, files)
            yield from self._found(comparison, files)

    @property
    def _deleted(self) -> list[str]:
        return [self._snapshot.deleted] if self._snapshot.deleted else []

    def _read(
        self, database: Database, selection: Selection, comparison: Comparison, folder: Path
    ) -> Iterator[Path]:
        """Read the table, row by row into the comparison and, piece by piece, into files."""
        before = 0
        for answer in database.rows(selection.rows, self._place.memory):
            for piece in pieces(plain(answer, selection.wanted), self._place.memory):
                rows = self._typed(piece, before, comparison)
                comparison.add_now(rows)
                path = folder / f"{before}.arrow"
                _write(rows, path)
                before += piece.num_rows
                yield path

    def _typed(self, values: pa.Table, before: int, comparison: Comparison) -> pa.Table:
        """The rows that can be taken; those that can't are noted, unless they were before."""
        parsed = typed(self._marked(values), self._source, before)
        if parsed.rejections:
            places = [each.line - before - 1 for each in parsed.rejections if each.line]
            rejected = values.take(pa.array(places))
            comparison.add_unread(told(rejected, self._snapshot.key, self._source))
            digests = raw_digests(rejected)
            self._rejected += digests
            self._rejections += [
                each
                for each, digest in zip(parsed.rejections, digests, strict=True)
                if digest not in self._met
            ]
            self._check_rejected()
        return parsed.rows

    def _marked(self, values: pa.Table, deleted: bool = False) -> pa.Table:
        """The rows with the columns that say since when they are known, and whether they are gone."""
        moment = pa.scalar(self._known_at, pa.timestamp("us", "UTC"))
        values = values.append_column(self._snapshot.known_at, pa.repeat(moment, values.num_rows))
        for name in self._deleted:
            values = values.append_column(name, pa.repeat(deleted, values.num_rows))
        return values

    def _found(self, comparison: Comparison, files: list[Path]) -> Iterator[Batch]:
        if self._rejections:
            yield self._batch(no_rows(self._source), self._rejections)
        for rows in _picked(map(_read, files), comparison.changed()):
            yield self._batch(rows)
        if self._snapshot.deleted:
            gone = comparison.vanished()
            if gone.any():
                for rows in _picked(map(pa.table, self._place.taken(self._columns)), gone):
                    yield self._batch(self._marked(rows, deleted=True).select(list(self._source.schema)))

    def _batch(self, rows: pa.Table, rejections: Sequence[Rejection] = ()) -> Batch:
        cursor: Cursor = {"known_at": self._known_at.isoformat(), "rejected": self._rejected}
        rejected = rejected_table(rejections, self._origin)
        return Batch(rows, rejected, cursor, self._origin, rows.num_rows + rejected.num_rows)

    def _check_key(self, comparison: Comparison, files: list[Path]) -> None:
        place = comparison.repeated()
        if place is None:
            return
        for rows in map(_read, files):
            if place < rows.num_rows:
                row = rows.select(list(self._snapshot.key)).slice(place, 1).to_pylist()[0]
                shown = ", ".join(f"{name}={value}" for name, value in row.items())
                raise DataError(f"{self._owner}: two rows have {shown}; the key must tell rows apart")
            place -= rows.num_rows

    def _check_rejected(self) -> None:
        if len(self._rejected) > REMEMBERED:
            raise DataError(
                f"{self._owner}: more than {REMEMBERED:,} rows can't be taken, "
                f"as {self._rejections[0].reason if self._rejections else 'before'}; "
                "mend the definition or the rows, or leave them out by a query"
            )


def _moment(last: str | None) -> datetime:
    """Now, and in any case later than the last one."""
    now = datetime.now(UTC)
    return now if last is None else max(now, datetime.fromisoformat(last) + timedelta(microseconds=1))


def _write(rows: pa.Table, path: Path) -> None:
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, rows.schema, options=options) as writer:
        writer.write_table(rows)


def _read(path: Path) -> pa.Table:
    with pa.OSFile(str(path)) as file, pa.ipc.open_file(file) as reader:
        return reader.read_all()


def _picked(tables: Iterator[pa.Table], mask: Mask) -> Iterator[pa.Table]:
    """The rows that a mask over all of them picks, table by table, where there are any."""
    first = 0
    for table in tables:
        picked = mask[first : first + table.num_rows]
        first += table.num_rows
        if picked.any():
            yield table.filter(pa.array(picked))
