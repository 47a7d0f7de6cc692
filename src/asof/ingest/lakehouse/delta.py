"""Delta Lake tables: what was added since a version, or what changed by the table's change data feed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.fs as fs
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError, TableNotFoundError
from deltalake.fs import DeltaStorageHandler

from asof.errors import DataError, NotFound
from asof.features.readers.delta import Delta
from asof.features.readers.snapshot import Snapshot
from asof.features.source import Source
from asof.ingest.addresses import located
from asof.ingest.batch import Batch
from asof.ingest.lakehouse.compared import Version, compared, last_compared
from asof.ingest.lakehouse.versions import ROWS, Stand, batches_of_version
from asof.ingest.place import Place
from asof.storage.secrets import filled

UNREADABLE = {"deletionVectors", "columnMapping"}
"""Features of tables whose files can't be read as they are."""

_THERE_NOW = pa.array(["insert", "update_postimage"])


class DeltaConnector:
    """The rows of a table: what each version added comes file by file, in the order of their paths."""

    def __init__(self, source: Source, place: Place) -> None:
        assert isinstance(source.reader, Delta)
        self._source, self._place = source, place
        self._reader = source.reader
        owner = f"source {source.name!r}"
        self._uri = located(filled(source.reader.address, owner), place.root)
        self._options = {name: filled(value, owner) for name, value in source.reader.options}

    def pending(self, cursor: Mapping[str, Any] | None) -> list[str]:
        """The version of the table, where it is a newer one."""
        newest = self._newest.version()
        done = Stand.of(cursor).done if self._reader.snapshot is None else last_compared(cursor)
        return [] if done == newest else [f"{self._reader.where}@{newest}"]

    def batches(self, cursor: Mapping[str, Any] | None) -> Iterator[Batch]:
        """What is new, up to the version that is the newest now (or was when reading it began)."""
        if self._reader.snapshot is not None:
            yield from self._compared(self._reader.snapshot, cursor)
            return
        stand = Stand.of(cursor)
        to = self._newest.version() if stand.reading is None else stand.reading
        if to != stand.done:
            new = self._between(stand.done, to)
            origin = f"{self._reader.where}@{to}"
            yield from batches_of_version(
                new, stand, to, self._source, self._place.memory, origin, self._columns()
            )

    def _compared(self, snapshot: Snapshot, cursor: Mapping[str, Any] | None) -> Iterator[Batch]:
        """What the newest version has otherwise than what was taken."""
        number = self._newest.version()
        if number == last_compared(cursor):
            return
        version = Version(number, self._newest.history(1)[0]["timestamp"])
        tables = (pa.Table.from_batches([batch]) for batch in self._added(None, number))
        names = self._columns().names
        yield from compared(version, tables, names, self._source, snapshot, self._place, cursor)

    def _between(self, done: int | None, to: int) -> Iterator[pa.RecordBatch]:
        if self._reader.known_at is not None:
            return self._changes(0 if done is None else done + 1, to)
        return self._added(done, to)

    def _added(self, done: int | None, to: int) -> Iterator[pa.RecordBatch]:
        """The rows of the files that were added by the versions after `done` up to `to`."""
        added = None if done is None else self._paths_added(done, to)
        dataset = self._opened(to).to_pyarrow_dataset()
        fragments = sorted(dataset.get_fragments(), key=lambda fragment: fragment.path)
        for fragment in fragments:
            if added is None or fragment.path in added:
                batches = fragment.to_batches(schema=dataset.schema, batch_size=ROWS)
                yield from (batch for batch in batches if batch.num_rows)

    def _paths_added(self, done: int, to: int) -> set[str]:
        added: set[str] = set()
        for version in range(done + 1, to + 1):
            actions = self._actions(version)
            if any(action.get("remove", {}).get("dataChange") for action in actions):
                raise self._fault(
                    f"version {version} changed or deleted rows; have all of it compared at each run: "
                    "Delta(..., snapshot=Snapshot(key=[...], known_at=..., deleted=...)), or read its "
                    "change data feed where it keeps one: Delta(..., known_at=..., deleted=...)"
                )
            files = (action["add"] for action in actions if "add" in action)
            added |= {file["path"] for file in files if file["dataChange"]}
        return self._still_there(added, to)

    def _still_there(self, added: set[str], to: int) -> set[str]:
        """The paths, unless compaction has put their rows into other files since."""
        there = set(pa.table(self._opened(to).get_add_actions())["path"].to_pylist())
        if added <= there:
            return added
        raise self._fault(
            "new rows were compacted into files with old ones before they were read; run more often than "
            "the table is optimized, or read its change data feed"
        )

    def _actions(self, version: int) -> list[dict[str, Any]]:
        """What a version did, from the table's log."""
        try:
            with self._files.open_input_stream(f"_delta_log/{version:020}.json") as log:
                return [json.loads(line) for line in log.read().splitlines()]
        except FileNotFoundError:
            raise self._fault(
                f"the log of version {version} is gone; run more often than the table forgets its log"
            ) from None

    def _changes(self, first: int, last: int) -> Iterator[pa.RecordBatch]:
        """The change data feed of some versions: each row as it became known or was taken back, and when."""
        for version in range(first, last + 1):
            yield from self._changes_of(version)

    def _changes_of(self, version: int) -> Iterator[pa.RecordBatch]:
        """Deletions first: a row that was deleted and put in again by one commit is there."""
        for deletions in (True, False):
            for batch in self._feed(version):
                changes = _without_views(pa.table(batch))
                kind = changes["_change_type"]
                wanted = _is_deletion(kind) if deletions else pc.is_in(kind, _THERE_NOW)
                yield from self._described(changes.filter(wanted)).to_batches(max_chunksize=ROWS)

    def _feed(self, version: int) -> pa.RecordBatchReader:
        try:
            feed = self._newest.load_cdf(starting_version=version, ending_version=version)
            return pa.RecordBatchReader.from_stream(feed)
        except DeltaError as error:
            raise self._fault(f"no change data feed of version {version}: {error}") from error

    def _described(self, changes: pa.Table) -> pa.Table:
        known_at = changes["_commit_timestamp"].cast(pa.timestamp("us", "UTC"))
        deleted = _is_deletion(changes["_change_type"])
        rows = changes.drop_columns(["_change_type", "_commit_version", "_commit_timestamp"])
        return rows.append_column(self._reader.known_at, known_at).append_column(
            self._reader.deleted, deleted
        )

    def _columns(self) -> pa.Schema:
        """The columns of the table and those that the reader adds."""
        schema = pa.schema(self._newest.schema().to_arrow())
        if self._reader.known_at is None:
            return schema
        added = [(self._reader.known_at, pa.timestamp("us", "UTC")), (self._reader.deleted, pa.bool_())]
        return pa.schema([*schema, *(pa.field(name, type) for name, type in added)])

    @cached_property
    def _newest(self) -> DeltaTable:
        return self._opened(None)

    def _opened(self, version: int | None) -> DeltaTable:
        try:
            table = DeltaTable(self._uri, version=version, storage_options=self._options or None)
        except TableNotFoundError:
            raise NotFound(f"source {self._source.name!r}: no Delta table at {self._reader.where}") from None
        except DeltaError as error:
            raise self._fault(f"version {version} can't be read: {error}") from error
        refused = UNREADABLE.intersection(table.protocol().reader_features or ())
        if refused:
            raise self._fault(f"a table with {', '.join(sorted(refused))} can't be read")
        return table

    @cached_property
    def _files(self) -> fs.FileSystem:
        return fs.PyFileSystem(DeltaStorageHandler(self._uri, self._options or None))

    def _fault(self, what: str) -> DataError:
        return DataError(f"source {self._source.name!r}: {self._reader.where}: {what}")


def _without_views(rows: pa.Table) -> pa.Table:
    """The rows with text in the layout that Arrow's functions take."""
    plain = {pa.string_view(): pa.string(), pa.binary_view(): pa.binary()}
    return rows.cast(pa.schema([field.with_type(plain.get(field.type, field.type)) for field in rows.schema]))


def _is_deletion(kind: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.equal(kind, "delete")
