"""Small files merged as others are added, so that many small commits do not leave many small files.

Each file is of a level, by its size. Once a partition ends in so many files of one level, they become one
of the next, as digits carry over: so a row is written again at most once a level, and a partition has
few small files however many commits it came in. The merged files go into the commit that adds: no version
is made for their sake, and nobody has anything new to take in.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, takewhile
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pyarrow as pa
from deltalake import DeltaTable

from asof.storage.layout import BUCKET, bucket_in_order
from asof.storage.tables.file_names import names_in_place_of
from asof.storage.tables.files import File
from asof.storage.tables.pruning import in_order

if TYPE_CHECKING:
    from asof.storage.tables.base import Base

MOST_FILES = 16  # of one level, at the end of a partition
LEVELS = (256 << 10, 4 << 20, 64 << 20)  # bytes, below which a file is of the level; above all it stays


@dataclass(frozen=True, slots=True)
class Merge:
    """The last files of a partition, in their order, that are to become one."""

    partition: Mapping[str, str | None]
    files: Mapping[str, int]
    """Their bytes, by path."""


@dataclass(frozen=True, slots=True)
class Merged:
    """Files that were written in place of others."""

    merge: Merge
    files: Sequence[File]


def due(at: DeltaTable) -> tuple[Merge, ...]:
    """What is to be merged of a version."""
    actions = pa.table(at.get_add_actions(flatten=True))
    if actions.num_rows < MOST_FILES:
        return ()
    columns = [name for name in actions.column_names if name.startswith("partition.")]
    files = in_order(actions.select([*columns, "path", "size_bytes"])).to_pylist()
    return tuple(_due(columns, files))


def merged(base: Base, keys: Sequence[str] | None, merge: Merge) -> Merged:
    """Write the rows of files to one, in the order of the files, or sorted as a bucket laid out by `keys`."""
    snapshot = base.table.snapshot(base.version, merge.files)
    rows = snapshot.batches() if keys is None else _sorted(snapshot.read(), keys, merge)
    names = names_in_place_of(next(iter(merge.files)).rpartition("/")[2], base.version + 1)
    return Merged(merge, base.written(rows, base.schema, names))


def last_to_merge(sizes: Sequence[int]) -> int:
    """How many of the last files of a partition are to become one, by the bytes of all of them.

    >>> last_to_merge([10 << 20] + [1_000] * 16), last_to_merge([10 << 20] + [1_000] * 15)
    (16, 0)
    """
    levels = [_level(size) for size in reversed(sizes)]
    wanted = 0
    for level in range(len(LEVELS)):
        last = list(takewhile(level.__ge__, levels))
        if last.count(level) >= MOST_FILES:
            wanted = len(last)
    return wanted


def _level(size: int) -> int:
    return sum(size >= bound for bound in LEVELS)


def _due(columns: Sequence[str], files: Iterable[Mapping[str, Any]]) -> Iterator[Merge]:
    for values, of_partition in groupby(files, key=lambda file: [file[name] for name in columns]):
        here = list(of_partition)
        if last := last_to_merge([file["size_bytes"] for file in here]):
            partition = {
                name.removeprefix("partition."): None if value is None else str(value)
                for name, value in zip(columns, values, strict=True)
            }
            yield Merge(partition, {unquote(file["path"]): file["size_bytes"] for file in here[-last:]})


def _sorted(rows: pa.Table, keys: Sequence[str], merge: Merge) -> pa.Table:
    bucket = merge.partition[BUCKET]
    assert bucket is not None
    return bucket_in_order(rows.drop_columns([BUCKET]), keys, int(bucket))
