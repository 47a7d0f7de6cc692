"""Tables and queries of databases."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from asof.errors import DataError, DefinitionError, NotFound, choices
from asof.features.readers.sql import Sql
from asof.features.source import Source
from asof.ingest.batch import Batch
from asof.ingest.place import Place
from asof.ingest.snapshots.reading import SnapshotReading
from asof.ingest.sql.database import Database, opened
from asof.ingest.sql.incremental import Incremental
from asof.ingest.sql.position import Position
from asof.ingest.sql.selection import Selection, selection
from asof.ingest.sql.values import plain


class SqlConnector:
    """The rows of a table or a query; each reading is one transaction.

    A snapshot gives its first batch when the whole table was read, so that one that breaks off gives none.
    """

    def __init__(self, source: Source, place: Place) -> None:
        assert isinstance(source.reader, Sql)
        self._source, self._place, self._reader = source, place, source.reader
        self._owner = f"source {source.name!r}: {source.reader.where}"

    def pending(self, cursor: Mapping[str, Any] | None) -> list[str]:
        """Where the rows are, if one is new; to know it they are read and compared."""
        with closing(self.batches(cursor)) as batches:
            return [self._reader.where] if next(batches, None) else []

    def batches(self, cursor: Mapping[str, Any] | None) -> Generator[Batch]:
        """What is new, as it was when the reading began."""
        with opened(self._reader.address, self._place.root, self._owner) as database:
            self._check_table(database)
            selected = self._selection(database)
            with closing(self._read(database, selected, cursor)) as found:
                for batch in found:
                    yield replace(batch, ignored=selected.ignored)

    def _read(
        self, database: Database, selected: Selection, cursor: Mapping[str, Any] | None
    ) -> Generator[Batch]:
        reader = self._reader
        if reader.snapshot is not None:
            now = datetime.now(UTC)
            reading = SnapshotReading(self._source, reader.snapshot, self._place, cursor, reader.origin, now)
            answers = database.rows(selected.rows, self._place.memory)
            return reading.batches(plain(answer, selected.wanted) for answer in answers)
        if cursor and "last" not in cursor:
            raise DefinitionError(
                f"{self._owner}: it was read by comparing snapshots until now, and can't go on by a cursor; "
                "give the source another name, or keep its snapshot"
            )
        incremental = Incremental(self._source, self._place, self._key(database), self._owner)
        return incremental.batches(database, selected, Position.of(cursor))

    def _selection(self, database: Database) -> Selection:
        snapshot = self._reader.snapshot
        added = (snapshot.known_at, snapshot.deleted) if snapshot else ()
        try:
            return selection(database, self._reader, self._source, added)
        except DataError as error:
            raise DataError(f"{self._owner}: {error}") from error

    def _check_table(self, database: Database) -> None:
        table = self._reader.table
        if table is not None and table not in (tables := database.tables()):
            schema, _, name = table.rpartition(".")
            if schema not in _DEFAULT or name not in tables:
                raise NotFound(f"{self._owner}: there is no table {table!r}; {choices(table, tables)}")

    def _key(self, database: Database) -> Sequence[str]:
        """The columns that tell rows of one cursor value apart."""
        if self._reader.key:
            return self._reader.key
        assert self._reader.table is not None
        key = database.key(self._reader.table)
        missing = [name for name in key if name not in self._source.schema]
        if not key or missing:
            why = (
                f"its primary key {missing[0]!r} is not in the schema" if missing else "it has no primary key"
            )
            raise DefinitionError(f"{self._owner}: {why}; give key=[...], the columns that tell rows apart")
        return key


_DEFAULT = ("public", "main")
"""Schemas whose tables go without its name."""
