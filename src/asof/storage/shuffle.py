"""Rows on their way from the parts that they come in to the buckets that they belong to.

Each part is written to one file in Arrow's own format, its rows bucket by bucket; then each bucket is
read from the files of all parts. That is quick to write and to read, and no more files than parts.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.ipc as ipc

from asof.storage.folder import Folder
from asof.storage.layout import CHUNK, Buckets, cut

_ROWS_PER_BATCH = 8_192  # at least, on average; fewer cost more to tell apart than to move
_BUFFER = 1 << 20  # bytes written at a time


@dataclass(frozen=True, slots=True)
class Shuffled:
    """The file of one part. Bucket `i` of `n` is in the batches `i`, `n + i`, `2 * n + i`, ..."""

    path: str


@dataclass(frozen=True, slots=True)
class Shuffle:
    """A folder for rows on their way to `buckets`.

    A file counts for nothing until its `Shuffled` is passed on, so that a part may be written twice.
    """

    folder: Folder
    schema: pa.Schema
    buckets: int

    def write(self, rows: pa.Table, bucket: Buckets) -> Shuffled:
        """Write a part, each row to its bucket; they keep their order. Rows in no bucket are left out."""
        path, nothing = f"{uuid.uuid4()}.arrow", _no_rows(self.schema)
        with (
            self.folder.filesystem().open_output_stream(path, buffer_size=_BUFFER) as stream,
            ipc.new_file(stream, self.schema) as file,
        ):
            for of_buckets in cut(rows, bucket, max(CHUNK, self.buckets * _ROWS_PER_BATCH)):
                for number in range(self.buckets):
                    file.write_batch(of_buckets.get(number, nothing))
        return Shuffled(path)

    def read(self, parts: Sequence[Shuffled], bucket: int) -> pa.Table:
        """The rows of one bucket, part by part."""
        filesystem = self.folder.filesystem(mapped=True)
        batches: list[pa.RecordBatch] = []
        for part in parts:
            with filesystem.open_input_file(part.path) as stream, ipc.open_file(stream) as file:
                batches += map(file.get_batch, range(bucket, file.num_record_batches, self.buckets))
        return pa.Table.from_batches(batches, self.schema)


def _no_rows(schema: pa.Schema) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist([], schema)
