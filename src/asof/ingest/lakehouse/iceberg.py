"""Apache Iceberg tables: what was appended since a snapshot."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from asof.errors import DataError, MissingExtra, NotFound
from asof.features.readers.iceberg import Iceberg
from asof.features.source import Source
from asof.ingest.batch import Batch
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
        self._source = source
        self._reader = source.reader

    def pending(self, cursor: Mapping[str, Any] | None) -> list[str]:
        """The table's snapshot, where it is a newer one."""
        newest = self._newest()
        return [] if newest in (None, Stand.of(cursor).done) else [f"{self._reader.where}@{newest}"]

    def batches(self, cursor: Mapping[str, Any] | None) -> Iterator[Batch]:
        """What is new, up to the snapshot that is the newest now (or was when reading it began)."""
        stand = Stand.of(cursor)
        to = self._newest() if stand.reading is None else stand.reading
        if to is not None and to != stand.done:
            new = self._rows(self._files(stand.done, to), to)
            columns = self._table.schema().as_arrow()
            origin = f"{self._reader.where}@{to}"
            yield from batches_of_version(new, stand, to, self._source, origin, columns)

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
                    "read; only tables that are appended to can be followed"
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
