"""Rows laid out in a table as the engine lays out a view: parts are shuffled to buckets, and these sorted."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa

from asof.storage.folder import Folder
from asof.storage.layout import BUCKET, bucket_in_order, bucket_of, split
from asof.storage.shuffle import Shuffle, Shuffled
from asof.storage.tables import Base, File, Table
from asof.transforms.engines.local import LocalEngine
from asof.transforms.layout_job import merge_bucket, stage_bucket
from asof.transforms.parts import ROWS_PER_PART

THREADS = 2


def in_parts(rows: pa.Table) -> list[pa.Table]:
    """The rows in parts of the engine's size."""
    return [rows.slice(start, ROWS_PER_PART) for start in range(0, rows.num_rows, ROWS_PER_PART)]


def write_laid_out(
    path: Path, parts: Iterable[pa.Table], schema: pa.Schema, keys: Sequence[str], buckets: int
) -> None:
    """Make a table of rows that come in parts, memory for a few of which is enough."""
    folder = Folder(str(path.with_suffix(".parts")))
    folder.create()
    shuffle = Shuffle(folder, schema, buckets)
    send = partial(_shuffle, shuffle, keys)
    shuffled = list(LocalEngine().map(send, parts) if isinstance(parts, Sequence) else map(send, parts))
    into = _base(path, bucket_in_order(schema.empty_table(), keys, 0).schema)
    merge = partial(merge_bucket, shuffle, shuffled, keys, into)
    _commit(into, LocalEngine().map(merge, range(buckets)))
    folder.delete()


def write_one_part(path: Path, rows: pa.Table, keys: Sequence[str], buckets: int) -> None:
    """The same of rows that are one part."""
    into = _base(path, bucket_in_order(rows.slice(0, 0), keys, 0).schema)
    of_buckets = split(rows, bucket_of(rows, keys, buckets)).items()
    _commit(into, (stage_bucket(of_bucket, keys, into, bucket) for bucket, of_bucket in of_buckets))


def write_unsorted(path: Path, parts: Sequence[pa.Table]) -> None:
    """The same of rows as they come, in the same parts on the same threads."""
    into = _base(path, parts[0].schema, [])
    _commit(into, LocalEngine().map(partial(_stage, into), list(enumerate(parts))))


def by_bucket(labels: pa.Table, keys: Sequence[str], buckets: int) -> Iterator[pa.Table]:
    """The labels of each bucket, each in their order."""
    bucket = bucket_of(labels, keys, buckets)
    ordered = labels.take(pa.array(np.argsort(bucket.astype(np.int16), kind="stable")))
    edges = np.append(0, np.cumsum(np.bincount(bucket, minlength=buckets)))
    return (ordered.slice(start, end - start) for start, end in pairwise(edges))


def _shuffle(shuffle: Shuffle, keys: Sequence[str], rows: pa.Table) -> Shuffled:
    return shuffle.write(rows, bucket_of(rows, keys, shuffle.buckets))


def _stage(into: Base, part: tuple[int, pa.Table]) -> list[File]:
    number, rows = part
    return into.stage(rows, schema=into.schema, part=number)


def _base(path: Path, schema: pa.Schema, partition_by: Sequence[str] = (BUCKET,)) -> Base:
    shutil.rmtree(path, ignore_errors=True)
    table = Table(str(path))
    table.create(schema, partition_by)
    return table.base(0)


def _commit(into: Base, staged: Iterable[list[File]]) -> None:
    into.commit([file for files in staged for file in files], schema=into.schema, replace=False)
