"""Writing a table: files are staged on top of a version, and then committed all at once."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable
from deltalake.exceptions import CommitFailedError
from deltalake.schema import Schema
from deltalake.transaction import AddAction, RemoveAction

from asof.errors import Conflict, DataError
from asof.storage.tables.compaction import Merge, Merged
from asof.storage.tables.file_names import new_names
from asof.storage.tables.files import File, FileWriter, discard
from asof.storage.tables.incoming import Incoming, Rows
from asof.storage.tables.nanoseconds import stored

if TYPE_CHECKING:
    from asof.storage.tables.table import Table

ONCE = CommitProperties(max_commit_retries=0)


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
    merges: tuple[Merge, ...] = ()
    """The small files that are better merged by who adds others."""

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
        return self.written(rows, schema, new_names(self.version + 1, part))

    def written(self, rows: Rows, schema: pa.Schema, names: Iterator[str]) -> list[File]:
        """Write rows to files with these names."""
        incoming = Incoming(rows, stored(schema))
        files = FileWriter(self.table._filesystem(), incoming.schema, self.partition_by, names)
        try:
            for batch in incoming:
                files.add(batch)
            return files.close()
        except BaseException:
            files.discard()
            raise

    def discard(self, files: Sequence[File]) -> None:
        """Remove files that were staged and are not to count."""
        discard(self.table._filesystem(), files)

    def commit(
        self, files: Sequence[File], *, schema: pa.Schema, replace: bool, merged: Sequence[Merged] = ()
    ) -> int:
        """Make files that were staged count, all at once, and return the version that this makes.

        They are added to the rows of the base, whose columns that `schema` lacks are null in them, and
        the other way round; or with `replace` stand in their place. What was `merged` takes the place of
        the files that it was made of. Conflict when another writer has committed meanwhile.
        """
        _check_partitioning(self.partition_by, schema)
        actions = [*(_added(file) for file in files), *chain(*map(_rearranged, merged))]
        at = self.table._open(self.version)
        with only_writer(self.table.uri, self.version):
            steps = 1 if replace else 1 + _grown(at, self.schema, schema)
            at.create_write_transaction(
                actions,
                "overwrite" if replace else "append",
                stored(schema),
                list(self.partition_by),
                commit_properties=ONCE,
            )
        return self.version + steps


@contextmanager
def only_writer(uri: str, on: int) -> Iterator[None]:
    """Conflict where another writer commits on top of the same version first."""
    try:
        yield
    except CommitFailedError as error:
        raise Conflict(f"{uri}: another writer committed on top of version {on} first; run again") from error


def _grown(table: DeltaTable, known: pa.Schema, schema: pa.Schema) -> int:
    """Add the columns of `schema` that the table lacks; the number of versions that this takes."""
    new = [field for field in stored(schema) if field.name not in known.names]
    if new:
        table.alter.add_columns(Schema.from_arrow(pa.schema(new)).fields, commit_properties=ONCE)
    return 1 if new else 0


def _added(file: File, *, new: bool = True) -> AddAction:
    return AddAction(file.path, file.bytes, file.partition, file.written_at, new, file.statistics)


def _rearranged(merged: Merged) -> Iterator[AddAction | RemoveAction]:
    now, partition = time.time_ns() // 1_000_000, dict(merged.merge.partition)
    for path, size in merged.merge.files.items():
        yield RemoveAction(path, False, now, size, partition)
    for file in merged.files:
        yield _added(file, new=False)


def _check_partitioning(partition_by: Sequence[str], schema: pa.Schema) -> None:
    for name in partition_by:
        if name not in schema.names:
            raise DataError(f"the table is partitioned by {name!r}, which the new rows lack")
