"""The files of one version of a table copied to another table, without reading what is in them."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.fs as fs
import pyarrow.parquet as pq

from asof.storage.tables.base import Base
from asof.storage.tables.file_statistics import statistics
from asof.storage.tables.files import File
from asof.storage.tables.pruning import in_order
from asof.storage.tables.table import Table

_CHUNK = 8 << 20


def copy_files(table: Table, version: int, into: Base) -> list[File]:
    """Copy a version's files into the table of `into`, where they count once they are committed.

    They keep their order. Both tables are partitioned by the same columns.
    """
    there, here = table._filesystem(), into.table._filesystem()
    return [
        _copied(there, path, here, f"{into.version + 1:08d}-{place:05d}", partition, written_at)
        for place, (path, partition, written_at) in enumerate(_files(table, version, into.partition_by))
    ]


def _files(
    table: Table, version: int, partition_by: tuple[str, ...]
) -> Iterator[tuple[str, dict[str, str | None], int]]:
    """Path, partition and time in milliseconds since the epoch of each file, in their order."""
    actions = in_order(pa.table(table._open(version).get_add_actions(flatten=True)))
    for action in actions.to_pylist():
        values = {name: action[f"partition.{name}"] for name in partition_by}
        partition = {name: None if value is None else str(value) for name, value in values.items()}
        written_at: int = action["modification_time"]
        yield unquote(action["path"]), partition, written_at


def _copied(
    there: fs.FileSystem,
    path: str,
    here: fs.FileSystem,
    prefix: str,
    partition: dict[str, str | None],
    written_at: int,
) -> File:
    folder = path.rpartition("/")[0]
    to = "/".join(filter(None, [folder, f"{prefix}-00000-{uuid.uuid4()}.parquet"]))
    if folder:
        here.create_dir(folder, recursive=True)
    with there.open_input_stream(path) as source, here.open_output_stream(to) as target:
        while chunk := source.read(_CHUNK):
            target.write(chunk)
        size = target.tell()
    with here.open_input_file(to) as file:
        return File(to, size, partition, written_at, statistics(pq.read_metadata(file)))
