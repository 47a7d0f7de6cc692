"""Versioned tables in Delta Lake: read at a fixed version, written exactly on top of one.

The catalogue names the version of a table that counts. A writer commits on top of that version and
then records the new one; what a killed writer has committed but not recorded is an *orphan*, which
the next writer rolls back before it commits. Versions are therefore increasing but not consecutive,
and "the latest" means nothing here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.fs as fs
from deltalake import CommitProperties, DeltaTable
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError
from deltalake.fs import DeltaStorageHandler
from deltalake.transaction import AddAction, RemoveAction

from asof.errors import Conflict, DataError, DefinitionError, NotFound, choices
from asof.storage.tables.files import File, FileWriter
from asof.storage.tables.incoming import Incoming, Rows
from asof.storage.tables.nanoseconds import declared, stored
from asof.storage.tables.pruning import dataset

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
        before = self._rolled_back(on)
        incoming = Incoming(rows, _schema(before))
        return self._commit(before, incoming, "append")

    def overwrite(self, rows: Rows, *, on: int) -> int:
        """Replace all rows of version `on`, and return the version that this makes.

        The schema becomes that of the rows; partitioning stays. Otherwise as `append`.
        """
        before = self._rolled_back(on)
        incoming = Incoming.with_own_schema(rows, otherwise=_schema(before))
        _check_partitioning(before, incoming.schema)
        return self._commit(before, incoming, "overwrite")

    def read(
        self,
        version: int,
        columns: Sequence[str] | None = None,
        where: pc.Expression | None = None,
    ) -> pa.Table:
        """The rows of a version, those for which `where` is true, in the order of `batches`.

        NotFound for a version or column that isn't there, or a version whose files are gone.
        """
        schema, batches = self._select(version, columns, where)
        return pa.Table.from_batches(list(batches), schema)

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
        return self._select(version, columns, where)[1]

    def schema(self, version: int) -> pa.Schema:
        """The schema of a version, as declared."""
        return declared(_schema(self._open(version)))

    def statistics(self, version: int) -> Statistics:
        """The size of a version, from its log alone."""
        files = pa.table(self._open(version).get_add_actions(flatten=True))
        rows = pc.sum(files["num_records"]).as_py() or 0
        return Statistics(rows, pc.sum(files["size_bytes"]).as_py() or 0, files.num_rows)

    def _options(self) -> dict[str, str] | None:
        return dict(self.storage_options) if self.storage_options is not None else None

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

    def _rolled_back(self, on: int) -> DeltaTable:
        """The table with the rows of version `on` at its head."""
        newest = self._open()
        if newest.version() < on:
            raise NotFound(f"no version {on} of {self.uri}; the newest is {newest.version()}")
        if newest.version() > on:
            with self._only_writer(on):
                newest.restore(on, commit_properties=_ONCE)
        return newest

    def _commit(self, before: DeltaTable, incoming: Incoming, mode: Literal["append", "overwrite"]) -> int:
        version = before.version() + 1
        partitioning = _partitioning(before)
        files = FileWriter(self._filesystem(), incoming.schema, partitioning, version=version)
        try:
            for batch in incoming:
                files.add(batch)
            actions: list[AddAction | RemoveAction] = [_added(file) for file in files.close()]
            with self._only_writer(before.version()):
                before.create_write_transaction(
                    actions, mode, incoming.schema, partitioning, commit_properties=_ONCE
                )
        except BaseException:
            files.discard()
            raise
        return version

    @contextmanager
    def _only_writer(self, on: int) -> Iterator[None]:
        try:
            yield
        except CommitFailedError as error:
            raise Conflict(
                f"{self.uri}: another writer committed on top of version {on} first; run again"
            ) from error

    def _select(
        self, version: int, columns: Sequence[str] | None, where: pc.Expression | None
    ) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
        at = self._open(version)
        schema = declared(_schema(at))
        wanted = list(schema.names if columns is None else columns)
        _check_columns(wanted, schema)
        selected = pa.schema([schema.field(name) for name in wanted])
        return selected, _scan(dataset(at, self._filesystem(), where), schema, selected, where)

    def _filesystem(self) -> fs.FileSystem:
        if "://" in self.uri:
            return fs.PyFileSystem(DeltaStorageHandler(self.uri, self._options()))
        return fs.SubTreeFileSystem(self.uri, fs.LocalFileSystem())


def _schema(table: DeltaTable) -> pa.Schema:
    return pa.schema(table.schema().to_arrow())


def _partitioning(table: DeltaTable) -> list[str]:
    columns: list[str] = table.metadata().partition_columns
    return columns


def _added(file: File) -> AddAction:
    return AddAction(file.path, file.bytes, file.partition, file.written_at, True, file.statistics)


def _scan(
    files: ds.Dataset, schema: pa.Schema, selected: pa.Schema, where: pc.Expression | None
) -> Iterator[pa.RecordBatch]:
    try:
        scanner = files.scanner(columns=selected.names, filter=where)
    except _REFUSED as error:
        if files.schema == schema:
            raise DefinitionError(f"no filter on these columns: {where}; {error}") from error
        return _filtered(files, schema, selected, where)
    return (batch.cast(selected) for batch in _reading(scanner))


def _filtered(
    files: ds.Dataset, schema: pa.Schema, selected: pa.Schema, where: pc.Expression | None
) -> Iterator[pa.RecordBatch]:
    # Nanosecond times are stored as integers, which a filter on times can't be pushed down to.
    for batch in _reading(files.scanner()):
        yield batch.cast(schema).filter(where).select(selected.names)


def _reading(scanner: ds.Scanner) -> Iterator[pa.RecordBatch]:
    try:
        yield from (batch for batch in scanner.to_batches() if batch.num_rows)
    except FileNotFoundError as error:
        raise NotFound(f"files of this version are gone (vacuumed?): {error}") from error


def _check_columns(wanted: Iterable[str], schema: pa.Schema) -> None:
    for name in wanted:
        if name not in schema.names:
            raise NotFound(f"no column {name!r}; {choices(name, schema.names)}")


def _check_partitioning(table: DeltaTable, schema: pa.Schema) -> None:
    for name in _partitioning(table):
        if name not in schema.names:
            raise DataError(f"the table is partitioned by {name!r}, which the new rows lack")
