"""A whole table against what was taken of it before: what is new, what changed, what vanished.

A row is compared by 128 bits for its key and as many for its values, in a file, so that memory does not
grow with the table (but for a byte a row); the rows themselves wait in files until it is known which count.
"""

from __future__ import annotations

import tempfile
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from asof.errors import DataError
from asof.features.readers.snapshot import Snapshot
from asof.features.source import Source
from asof.ingest.batch import Batch, Cursor, Rejection, rejected_table
from asof.ingest.place import Place
from asof.ingest.records.arrow import typed
from asof.ingest.records.columns import no_rows, pieces, told
from asof.ingest.records.rejected import REMEMBERED, raw_digests
from asof.ingest.snapshots.comparison import Comparison, Mask, compared


class SnapshotReading:
    """One reading of the whole table, known from its `moment` on, or at once after the last one's.

    The cursor holds that moment, and hashes of the rows that were rejected, which the next reading
    meets again. A row is compared in the declared columns. `origin` is that of batches.
    """

    def __init__(
        self,
        source: Source,
        snapshot: Snapshot,
        place: Place,
        cursor: Mapping[str, Any] | None,
        origin: str,
        moment: datetime,
    ) -> None:
        self._source, self._snapshot, self._place, self._origin = source, snapshot, place, origin
        self._owner = f"source {source.name!r}: {source.reader.where}"
        added = (snapshot.known_at, snapshot.deleted)
        self._columns = [name for name in source.schema if name not in added]
        before = cursor if cursor and "known_at" in cursor else {}
        self._known_at = _moment(moment, before.get("known_at"))
        self._met = set(before.get("rejected", ()))
        self._rejections: list[Rejection] = []
        self._rejected: list[str] = []

    def batches(self, tables: Iterable[pa.Table]) -> Generator[Batch]:
        """What is not as it was, then what is no longer there; after the whole table was read."""
        key, memory = self._snapshot.key, self._place.memory
        with (
            tempfile.TemporaryDirectory(prefix="asof-") as folder,
            compared(Path(folder), key, self._columns, memory) as comparison,
        ):
            for batch in self._taken([*self._columns, *self._deleted]):
                comparison.add_before(batch, self._snapshot.deleted)
            files = list(self._read(tables, comparison, Path(folder)))
            self._check_key(comparison, files)
            yield from self._found(comparison, files)

    def nothing(self) -> Batch:
        """A batch without rows, once the whole table was read."""
        return self._batch(no_rows(self._source))

    def _taken(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """The rows that were taken as known from a moment on, and not before the source had such."""
        return self._place.taken(columns, pc.field(self._snapshot.known_at).is_valid())

    @property
    def _deleted(self) -> list[str]:
        return [self._snapshot.deleted] if self._snapshot.deleted else []

    def _read(self, tables: Iterable[pa.Table], comparison: Comparison, folder: Path) -> Iterator[Path]:
        """Read the table, row by row into the comparison and, piece by piece, into files."""
        before = 0
        for table in tables:
            for piece in pieces(table, self._place.memory):
                rows = self._typed(piece, before, comparison)
                comparison.add_now(rows)
                path = folder / f"{before}.arrow"
                _write(rows, path)
                before += piece.num_rows
                yield path

    def _typed(self, values: pa.Table, before: int, comparison: Comparison) -> pa.Table:
        """The rows that can be taken; those that can't are noted, unless they were before."""
        try:
            parsed = typed(self._marked(values), self._source, before)
        except DataError as error:
            raise DataError(f"{self._owner}: {error}") from error
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
                for rows in _picked(map(pa.table, self._taken(self._columns)), gone):
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


def _moment(moment: datetime, last: str | None) -> datetime:
    """The moment, or where the last one was no earlier the next after that."""
    return moment if last is None else max(moment, datetime.fromisoformat(last) + timedelta(microseconds=1))


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
