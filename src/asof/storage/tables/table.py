"""Versioned tables in Delta Lake: read at a fixed version, written exactly on top of one.

The catalogue names the version of a table that counts. A writer commits on top of that version and
then records the new one; what a killed writer has committed but not recorded is an *orphan*, which
the next writer rolls back before it commits. Versions are therefore increasing but not consecutive,
and "the latest" means nothing here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.fs as fs
from deltalake import CommitProperties, DeltaTable
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError
from deltalake.schema import Schema
from deltalake.transaction import AddAction, RemoveAction

from asof.errors import Conflict, DataError, NotFound
from asof.storage.folder import Folder
from asof.storage.tables.files import File, FileWriter, discard
from asof.storage.tables.incoming import Incoming, Rows, with_schema
from asof.storage.tables.nanoseconds import declared, stored
from asof.storage.tables.snapshot import Snapshot

_CONFIGURATION = {
    "delta.enableExpiredLogCleanup": "false",  # a version, once committed, can always be read
}
_ONCE = CommitProperties(max_commit_retries=0)
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
                commit_properties=_ONCE,
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
            with _only_writer(self.uri, on):
                newest.restore(on, commit_properties=_ONCE)
        return Base(self, newest.version(), declared(_schema(newest)), tuple(_partitioning(newest)))

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

    def snapshot(self, version: int) -> Snapshot:
        """A version opened once, to be read from several times; NotFound where there is none."""
        return Snapshot(self._open(version), self._filesystem())

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


@dataclass(frozen=True, slots=True)
class Base:
    """The version of a table that writers go on top of, with its schema and partitioning.

    Writing has two phases, so that many can write at once: files are staged, anywhere, and then
    committed together, in one place.
    """

    table: Table
    version: int
    schema: pa.Schema
    partition_by: tuple[str, ...]

    def write(self, rows: Rows, *, schema: pa.Schema, replace: bool) -> int:
        """Stage rows and commit them; nothing is left behind when an error is raised."""
        _check_partitioning(self.partition_by, schema)
        files = self.stage(rows, schema=schema)
        try:
            return self.commit(files, schema=schema, replace=replace)
        except BaseException:
            discard(self.table._filesystem(), files)
            raise

    def stage(self, rows: Rows, *, schema: pa.Schema, part: int = 0) -> list[File]:
        """Write rows to files that count for nothing until they are committed.

        Many may stage at once, each a `part` of its own, whose number gives the order of the rows.
        """
        incoming = Incoming(rows, stored(schema))
        files = FileWriter(
            self.table._filesystem(),
            incoming.schema,
            self.partition_by,
            version=self.version + 1,
            part=part,
        )
        try:
            for batch in incoming:
                files.add(batch)
            return files.close()
        except BaseException:
            files.discard()
            raise

    def commit(self, files: Sequence[File], *, schema: pa.Schema, replace: bool) -> int:
        """Make files that were staged count, all at once, and return the version that this makes.

        They are added to the rows of the base, whose columns that `schema` lacks are null in them, and
        the other way round; or with `replace` stand in their place. Conflict when another writer has
        committed meanwhile.
        """
        _check_partitioning(self.partition_by, schema)
        actions: list[AddAction | RemoveAction] = [_added(file) for file in files]
        at = self.table._open(self.version)
        with _only_writer(self.table.uri, self.version):
            steps = 1 if replace else 1 + _grown(at, self.schema, schema)
            at.create_write_transaction(
                actions,
                "overwrite" if replace else "append",
                stored(schema),
                list(self.partition_by),
                commit_properties=_ONCE,
            )
        return self.version + steps


@contextmanager
def _only_writer(uri: str, on: int) -> Iterator[None]:
    try:
        yield
    except CommitFailedError as error:
        raise Conflict(f"{uri}: another writer committed on top of version {on} first; run again") from error


def _grown(table: DeltaTable, known: pa.Schema, schema: pa.Schema) -> int:
    """Add the columns of `schema` that the table lacks; the number of versions that this takes."""
    new = [field for field in stored(schema) if field.name not in known.names]
    if new:
        table.alter.add_columns(Schema.from_arrow(pa.schema(new)).fields, commit_properties=_ONCE)
    return 1 if new else 0


def _schema(table: DeltaTable) -> pa.Schema:
    return pa.schema(table.schema().to_arrow())


def _partitioning(table: DeltaTable) -> list[str]:
    columns: list[str] = table.metadata().partition_columns
    return columns


def _added(file: File) -> AddAction:
    return AddAction(file.path, file.bytes, file.partition, file.written_at, True, file.statistics)


def _check_partitioning(partition_by: Sequence[str], schema: pa.Schema) -> None:
    for name in partition_by:
        if name not in schema.names:
            raise DataError(f"the table is partitioned by {name!r}, which the new rows lack")
