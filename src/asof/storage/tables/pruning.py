"""The files of a version as an Arrow dataset that leaves out what a filter rules out.

The guarantees are made here and not by delta-rs, which takes an unknown bound for one that no value
meets and so loses rows of files without statistics.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import reduce
from operator import and_
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.fs as fs
from deltalake import DeltaTable

Guarantees = Iterator[pc.Expression | None]


class Files:
    """The files of a version, or those of `paths`, by partition and then by path: they are named in order."""

    def __init__(
        self, at: DeltaTable, filesystem: fs.FileSystem, paths: Collection[str] | None = None
    ) -> None:
        self.schema = pa.schema(at.schema().to_arrow())
        self._filesystem = filesystem
        self._actions = _only(in_order(pa.table(at.get_add_actions(flatten=True))), paths)
        self._datasets: dict[tuple[str, ...], ds.Dataset] = {}

    def dataset(self, where: pc.Expression | None) -> ds.Dataset:
        """The rows, for a scan with the filter `where`."""
        named = tuple(name for name in self.schema.names if name in str(where))
        if named not in self._datasets:
            self._datasets[named] = self._guaranteed(named)
        return self._datasets[named]

    def _guaranteed(self, named: tuple[str, ...]) -> ds.Dataset:
        parquet = ds.ParquetFileFormat(
            default_fragment_scan_options=ds.ParquetFragmentScanOptions(pre_buffer=True)
        )
        paths = self._actions["path"].to_pylist()
        fragments = [
            parquet.make_fragment(unquote(path), self._filesystem, partition_expression=guarantee)
            for path, guarantee in zip(paths, _guarantees(self._actions, self.schema, named), strict=True)
        ]
        return ds.FileSystemDataset(fragments, self.schema, parquet, self._filesystem)


def in_order(files: pa.Table) -> pa.Table:
    """The files of a version as its log tells of them, in the order in which their rows are."""
    partition = [name for name in files.column_names if name.startswith("partition.")]
    return files.sort_by([(name, "ascending") for name in [*partition, "path"]])


def _only(files: pa.Table, paths: Collection[str] | None) -> pa.Table:
    if paths is None:
        return files
    return files.filter(pa.array([unquote(path) in paths for path in files["path"].to_pylist()]))


def _guarantees(files: pa.Table, schema: pa.Schema, named: tuple[str, ...]) -> Iterator[pc.Expression]:
    """What is sure of all rows of each file, of its partition and of the columns `named`."""
    of_columns: list[Guarantees] = []
    for field in schema:
        if f"partition.{field.name}" in files.column_names:
            of_columns.append(_partition(files, field))
        elif field.name in named and f"max.{field.name}" in files.column_names:
            of_columns.append(_bounds(files, field))
    for _ in range(files.num_rows):
        sure = [told for column in of_columns if (told := next(column)) is not None]
        yield reduce(and_, sure, pc.scalar(True))


def _partition(files: pa.Table, field: pa.Field) -> Guarantees:
    column = pc.field(field.name)
    for value in files[f"partition.{field.name}"].cast(field.type):
        yield column == value if value.is_valid else column.is_null()


def _bounds(files: pa.Table, field: pa.Field) -> Guarantees:
    column = pc.field(field.name)
    least, greatest = (files[f"{side}.{field.name}"].cast(field.type) for side in ("min", "max"))
    nulls = files[f"null_count.{field.name}"]
    for low, high, count, rows in zip(least, greatest, nulls, files["num_records"], strict=True):
        if count.is_valid and count == rows:
            yield column.is_null()
        elif not (low.is_valid and high.is_valid):
            yield None
        else:
            within = (column >= low) & (column <= high)
            yield within if count.as_py() == 0 else within | column.is_null()
