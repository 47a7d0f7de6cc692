"""Parquet files on their way into a table, written before the commit that makes them count.

They are written by us and not by delta-rs, which spreads the batches of a stream over threads and so
loses the order of rows, and which pulls the stream from a thread where tables can't be read.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.fs as fs
import pyarrow.parquet as pq

from asof.errors import DataError
from asof.storage.tables.file_statistics import statistics

_ROW_GROUP = 1 << 17  # rows; small enough to skip most of a bucket when one key is wanted
_FILE_BYTES = 256 << 20

PartitionValues = tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class File:
    """A written file: path within the table, size, and what the log of the table says of it."""

    path: str
    bytes: int
    partition: Mapping[str, str | None]
    written_at: int  # milliseconds since the epoch
    statistics: str


class FileWriter:
    """Writes rows to files of one coming version, split by partition, each in the order added.

    `names` gives each file its name within its partition.
    """

    def __init__(
        self,
        filesystem: fs.FileSystem,
        schema: pa.Schema,
        partition_by: Sequence[str],
        names: Iterator[str],
    ) -> None:
        self._filesystem = filesystem
        self._partition_by = list(partition_by)
        self._stored = pa.schema([field for field in schema if field.name not in partition_by])
        self._names = names
        self._open: dict[PartitionValues, _OpenFile] = {}
        self._files: list[File] = []
        self._paths: list[str] = []

    def add(self, batch: pa.RecordBatch) -> None:
        """Take rows that have the table's stored schema."""
        for values, rows in _parts(batch, self._partition_by):
            file = self._open.get(values) or self._opened(values)
            file.add(rows.select(self._stored.names))
            if file.bytes() >= _FILE_BYTES:
                self._close(values)

    def close(self) -> list[File]:
        """Finish all files."""
        for values in list(self._open):
            self._close(values)
        return self._files

    def discard(self) -> None:
        """Remove what was written, after an error."""
        for file in self._open.values():
            file.abandon()
        for path in self._paths:
            self._filesystem.delete_file(path)

    def _opened(self, values: PartitionValues) -> _OpenFile:
        path = self._path(values)
        self._paths.append(path)
        self._open[values] = file = _OpenFile(self._filesystem, path, self._stored)
        return file

    def _path(self, values: PartitionValues) -> str:
        parts = [
            f"{name}={re.sub('[^A-Za-z0-9.-]', '_', value or '')}"
            for name, value in zip(self._partition_by, values, strict=True)
        ]
        return "/".join([*parts, next(self._names)])

    def _close(self, values: PartitionValues) -> None:
        size, written = self._open[values].close()
        path = self._open.pop(values).path
        partition = dict(zip(self._partition_by, values, strict=True))
        now = time.time_ns() // 1_000_000
        self._files.append(File(path, size, partition, now, statistics(written)))


def discard(filesystem: fs.FileSystem, files: Sequence[File]) -> None:
    """Remove files that are not to count."""
    for file in files:
        filesystem.delete_file(file.path)


class _OpenFile:
    """One file that is being written, a row group at a time."""

    def __init__(self, filesystem: fs.FileSystem, path: str, schema: pa.Schema) -> None:
        self.path = path
        if "/" in path:
            filesystem.create_dir(path.rpartition("/")[0], recursive=True)
        self._stream = filesystem.open_output_stream(path)
        self._metadata: list[pq.FileMetaData] = []
        self._writer = pq.ParquetWriter(
            self._stream,
            schema,
            compression=_compression(schema),
            column_encoding=_encoding(schema) or None,
            use_dictionary=_repeating(schema),
            store_schema=False,
            store_decimal_as_integer=True,  # as Spark does; several times as quick to read
            metadata_collector=self._metadata,
        )
        self._waiting: list[pa.RecordBatch] = []
        self._rows = 0

    def add(self, batch: pa.RecordBatch) -> None:
        self._waiting.append(batch)
        self._rows += batch.num_rows
        if self._rows >= _ROW_GROUP:
            self._flush()

    def bytes(self) -> int:
        return int(self._stream.tell())

    def close(self) -> tuple[int, pq.FileMetaData]:
        self._flush()
        self._writer.close()
        size = self.bytes()
        self._stream.close()
        return size, self._metadata[0]

    def abandon(self) -> None:
        self._waiting.clear()
        self.close()

    def _flush(self) -> None:
        if self._waiting:
            self._writer.write_table(pa.Table.from_batches(self._waiting), row_group_size=_ROW_GROUP)
        self._waiting, self._rows = [], 0


def _repeating(schema: pa.Schema) -> list[str] | bool:
    """The columns whose values are worth a dictionary: text; numbers and times are quicker as they are."""
    return [field.name for field in schema if pa.types.is_string(field.type)] or False


def _encoding(schema: pa.Schema) -> dict[str, str]:
    """Times as the differences from row to row: smaller and quicker than to compress them."""
    return {field.name: "DELTA_BINARY_PACKED" for field in schema if pa.types.is_timestamp(field.type)}


def _compression(schema: pa.Schema) -> dict[str, str]:
    codecs = {path: "lz4" for field in schema for path in _paths(field.name, field.type)}
    return codecs | dict.fromkeys(_encoding(schema), "none")


def _paths(name: str, kind: pa.DataType) -> Iterator[str]:
    """What Parquet calls the values of a column."""
    if pa.types.is_list(kind):
        yield from _paths(f"{name}.list.element", kind.value_type)
    elif pa.types.is_map(kind):
        yield from _paths(f"{name}.key_value.key", kind.key_type)
        yield from _paths(f"{name}.key_value.value", kind.item_type)
    else:
        yield name


def _parts(
    batch: pa.RecordBatch, partition_by: list[str]
) -> Iterator[tuple[PartitionValues, pa.RecordBatch]]:
    """The rows of each combination of partition values, in order."""
    if not partition_by:
        yield (), batch
        return
    coded = [batch.column(name).dictionary_encode(null_encoding="encode") for name in partition_by]
    if batch.num_rows and all(len(column.dictionary) == 1 for column in coded):
        yield _values(batch, partition_by, 0), batch
        return
    codes = _codes(coded)
    if (np.diff(codes) < 0).any():
        order = np.argsort(codes, kind="stable")
        batch, codes = batch.take(pa.array(order)), codes[order]
    bounds = [0, *(np.flatnonzero(np.diff(codes)) + 1), len(codes)]
    for start, end in pairwise(bounds):
        if end > start:
            yield _values(batch, partition_by, start), batch.slice(start, end - start)


def _codes(columns: list[pa.DictionaryArray]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    codes = np.zeros(len(columns[0]), np.int64)
    for column in columns:
        codes = codes * len(column.dictionary) + column.indices.to_numpy()
    return codes


def _values(batch: pa.RecordBatch, partition_by: list[str], row: int) -> PartitionValues:
    return tuple(_value(name, batch.column(name)[int(row)]) for name in partition_by)


def _value(name: str, value: pa.Scalar) -> str | None:
    text: str | None = value.cast(pa.string()).as_py()
    if text == "":
        raise DataError(f"column {name!r} has empty text, which a partition can't tell from null")
    return text
