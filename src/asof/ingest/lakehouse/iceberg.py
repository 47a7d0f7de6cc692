"""Apache Iceberg tables: what was appended since a snapshot."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from asof.errors import DataError, MissingExtra, NotFound
from asof.features.readers.iceberg import Iceberg
from asof.features.readers.snapshot import Snapshot
from asof.features.source import Source
from asof.ingest.batch import Batch
from asof.ingest.lakehouse.compared import Version, compared, last_compared
from asof.ingest.lakehouse.versions import ROWS, Stand, batches_of_version
from asof.ingest.place import Place
from asof.storage.secrets import filled

if TYPE_CHECKING:
    from pyiceberg.table import FileScanTask, Table

CHANGES = ("overwrite", "delete")
"""Operations after which rows that were read may no longer be there."""


class IcebergConnector:
    """The rows of a table: what snapshots appended comes file by file, in the order of their paths."""

    def __init__(self, source: Source, place: Place) -> None:
        assert isinstance(source.reader, Iceberg)
        self._source, self._place = source, place
        self._reader = source.reader

    def pending(self, cursor: Mapping[str, Any] | None) -> list[str]:
        """The table's snapshot, where it is a newer one."""
        newest = self._newest()
        done = Stand.of(cursor).done if self._reader.snapshot is None else last_compared(cursor)
        return [] if newest in (None, done) else [f"{self._reader.where}@{newest}"]

    def batches(self, cursor: Mapping[str, Any] | None) -> Iterator[Batch]:
        """What is new, up to the snapshot that is the newest now (or was when reading it began)."""
        if self._reader.snapshot is not None:
            yield from self._compared(self._reader.snapshot, cursor)
            return
        stand = Stand.of(cursor)
        to = self._newest() if stand.reading is None else stand.reading
        if to is not None and to != stand.done:
            new = self._rows(self._files(stand.done, to), to)
            columns = self._table.schema().as_arrow()
            origin = f"{self._reader.where}@{to}"
            yield from batches_of_version(new, stand, to, self._source, self._place.memory, origin, columns)

    def _compared(self, how: Snapshot, cursor: Mapping[str, Any] | None) -> Iterator[Batch]:
        """What the newest snapshot has otherwise than what was taken."""
        newest = self._table.current_snapshot()
        if newest is None or newest.snapshot_id == last_compared(cursor):
            return
        version = Version(newest.snapshot_id, newest.timestamp_ms)
        files = self._files(None, newest.snapshot_id)
        tables = (pa.Table.from_batches([rows]) for rows in self._rows(files, newest.snapshot_id))
        names = self._table.schema().as_arrow().names
        yield from compared(version, tables, names, self._source, how, self._place, cursor)

    def _newest(self) -> int | None:
        snapshot = self._table.current_snapshot()
        return None if snapshot is None else snapshot.snapshot_id

    def _files(self, done: int | None, to: int) -> list[FileScanTask]:
        if done is None:
            found = self._table.scan(snapshot_id=to).plan_files()
        else:
            self._check_appended(done, to)
            scan = self._table.incremental_append_scan(
                from_snapshot_id_exclusive=done, to_snapshot_id_inclusive=to
            )
            found = scan.plan_files()
        return sorted(found, key=lambda task: task.file.file_path)

    def _check_appended(self, done: int, to: int) -> None:
        from pyiceberg.table.snapshots import ancestors_of

        for snapshot in ancestors_of(self._table.snapshot_by_id(to), self._table.metadata):
            if snapshot.snapshot_id == done:
                return
            operation = snapshot.summary.operation.value if snapshot.summary else "append"
            if operation in CHANGES:
                raise self._fault(
                    f"snapshot {snapshot.snapshot_id} changed or deleted rows ({operation}) that were "
                    "read; have all of it compared at each run: "
                    "Iceberg(..., snapshot=Snapshot(key=[...], known_at=..., deleted=...))"
                )
        raise self._fault(
            f"snapshot {done}, the last that was read, is gone or not one that snapshot {to} goes back to; "
            "run more often than snapshots expire"
        )

    def _rows(self, files: list[FileScanTask], snapshot: int) -> Iterator[pa.RecordBatch]:
        from pyiceberg.expressions import AlwaysTrue
        from pyiceberg.io.pyarrow import ArrowScan

        scan = ArrowScan(self._table.metadata, self._table.io, self._table.schema(), AlwaysTrue())
        for file in files:
            for batch in scan.to_record_batches([file]):
                yield from (part for part in pa.table(batch).to_batches(ROWS) if part.num_rows)

    @cached_property
    def _table(self) -> Table:
        owner = f"source {self._source.name!r}"
        properties = {name: filled(value, owner) for name, value in self._reader.catalog}
        name = properties.pop("name", "default")
        try:
            from pyiceberg.catalog import load_catalog
            from pyiceberg.exceptions import NoSuchNamespaceError, NoSuchTableError
        except ImportError:
            raise MissingExtra("a source from Iceberg", "iceberg") from None
        try:
            return load_catalog(name, **properties).load_table(self._reader.table)
        except (NoSuchTableError, NoSuchNamespaceError):
            raise NotFound(f"{owner}: the catalog has no table {self._reader.where}") from None

    def _fault(self, what: str) -> DataError:
        return DataError(f"source {self._source.name!r}: {self._reader.where}: {what}")
