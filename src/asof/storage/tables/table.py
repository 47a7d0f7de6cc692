"""Versioned tables in Delta Lake: read at a fixed version, written exactly on top of one.

The catalogue names the version of a table that counts. A writer commits on top of that version and
then records the new one; what a killed writer has committed but not recorded is an *orphan*, which
the next writer rolls back before it commits. Versions are therefore increasing but not consecutive,
and "the latest" means nothing here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.fs as fs
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError, TableNotFoundError

from asof.errors import NotFound
from asof.storage.folder import Folder
from asof.storage.tables.base import ONCE, Base, only_writer
from asof.storage.tables.compaction import due
from asof.storage.tables.incoming import Rows, with_schema
from asof.storage.tables.nanoseconds import declared, stored
from asof.storage.tables.snapshot import Snapshot

_CONFIGURATION = {
    "delta.enableExpiredLogCleanup": "false",  # a version, once committed, can always be read
    "delta.checkpointInterval": "10",  # commits, whose log entries are read one by one when it is opened
    "delta.deletedFileRetentionDuration": "interval 1 hours",  # checkpoints name removed files for so long
}
_REFUSED = (pa.ArrowNotImplementedError, pa.ArrowTypeError, pa.ArrowInvalid)


@dataclass(frozen=True, slots=True)
class Statistics:
    """The size of one version of a table; `bytes` are those of its compressed files."""

    rows: int
    bytes: int
    files: int


@dataclass(frozen=True, slots=True)
class Table:
    """A versioned table at a local path or at any URL that delta-rs takes.

    Holds no connection: it can be copied, pickled and used from several threads and processes.
    """

    uri: str
    storage_options: Mapping[str, str] | None = None

    def create(self, schema: pa.Schema, partition_by: Sequence[str] = ()) -> None:
        """Make version 0, without rows; nothing happens when the table is there.

        DataError for a type that tables can't hold.
        """
        if self.exists():
            return
        try:
            DeltaTable.create(
                self.uri,
                stored(schema),
                mode="ignore",
                partition_by=list(partition_by),
                configuration=_CONFIGURATION,
                storage_options=self._options(),
                commit_properties=ONCE,
            )
        except DeltaError:
            if not self.exists():
                raise

    def exists(self) -> bool:
        """Whether there is a table, with or without rows."""
        return DeltaTable.is_deltatable(self.uri, storage_options=self._options())

    def delete(self) -> None:
        """Remove the table with all its versions."""
        self._folder.delete()

    def head(self) -> int | None:
        """The greatest version in storage, orphans included; None when there is no table."""
        try:
            return self._open().version()
        except NotFound:
            return None

    def append(self, rows: Rows, *, on: int) -> int:
        """Add rows to version `on`, and return the version that this makes.

        What was committed after `on` is rolled back. Columns are matched by name and cast to the
        table's types. Conflict when another writer commits meanwhile, DataError when the rows don't
        fit, NotFound when there is no version `on`. Nothing is committed when an error is raised.
        """
        base = self.base(on)
        return base.write(rows, schema=base.schema, replace=False)

    def overwrite(self, rows: Rows, *, on: int) -> int:
        """Replace all rows of version `on`, and return the version that this makes.

        The schema becomes that of the rows; partitioning stays. Otherwise as `append`.
        """
        base = self.base(on)
        schema, batches = with_schema(rows, otherwise=base.schema)
        return base.write(batches, schema=schema, replace=True)

    def base(self, on: int) -> Base:
        """Roll back what was committed after version `on`, and say what writers go on top of."""
        newest = self._open()
        if newest.version() < on:
            raise NotFound(f"no version {on} of {self.uri}; the newest is {newest.version()}")
        if newest.version() > on:
            with only_writer(self.uri, on):
                newest.restore(on, commit_properties=ONCE)
        return Base(
            self, newest.version(), declared(_schema(newest)), tuple(_partitioning(newest)), due(newest)
        )

    def read(
        self,
        version: int,
        columns: Sequence[str] | None = None,
        where: pc.Expression | None = None,
    ) -> pa.Table:
        """The rows of a version, those for which `where` is true, in the order of `batches`.

        NotFound for a version or column that isn't there, or a version whose files are gone.
        """
        return self.snapshot(version).read(columns, where)

    def batches(
        self,
        version: int,
        columns: Sequence[str] | None = None,
        where: pc.Expression | None = None,
    ) -> Iterator[pa.RecordBatch]:
        """As `read`, a batch at a time.

        Rows come by partition, within it in the order in which they were committed and given.
        Files and row groups that `where` rules out are not read; that goes for every column but
        those of nanosecond times.
        """
        return self.snapshot(version).batches(columns, where)

    def schema(self, version: int) -> pa.Schema:
        """The schema of a version, as declared."""
        return self.snapshot(version).schema

    def partitioning(self, version: int) -> list[str]:
        """The columns that a version is partitioned by."""
        return _partitioning(self._open(version))

    def snapshot(self, version: int, paths: Collection[str] | None = None) -> Snapshot:
        """A version, or the files of `paths` in it, opened once to be read from several times.

        NotFound where there is none.
        """
        return Snapshot(self._open(version), self._filesystem(), paths)

    def statistics(self, version: int) -> Statistics:
        """The size of a version, from its log alone."""
        files = pa.table(self._open(version).get_add_actions(flatten=True))
        rows = pc.sum(files["num_records"]).as_py() or 0
        return Statistics(rows, pc.sum(files["size_bytes"]).as_py() or 0, files.num_rows)

    @property
    def _folder(self) -> Folder:
        return Folder(self.uri, self.storage_options)

    def _options(self) -> dict[str, str] | None:
        return self._folder.options

    def _open(self, version: int | None = None) -> DeltaTable:
        try:
            return DeltaTable(self.uri, version=version, storage_options=self._options())
        except TableNotFoundError:
            raise NotFound(f"no table at {self.uri}") from None
        except DeltaError as error:
            raise self._unreadable(version, error) from error

    def _unreadable(self, version: int | None, error: DeltaError) -> Exception:
        if version is None:
            return error
        newest = self.head()
        if newest is None:
            return NotFound(f"no table at {self.uri}")
        return NotFound(f"no version {version} of {self.uri}; the newest is {newest}")

    def _filesystem(self) -> fs.FileSystem:
        return self._folder.filesystem()


def _schema(table: DeltaTable) -> pa.Schema:
    return pa.schema(table.schema().to_arrow())


def _partitioning(table: DeltaTable) -> list[str]:
    columns: list[str] = table.metadata().partition_columns
    return columns
