"""Rows laid out in a table as the engine lays out a view: in parts, then bucket by bucket."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa

from asof.storage.layout import BUCKET, bucket_of, lay_out
from asof.storage.tables import Base, File, Table
from asof.transforms.buckets import Bucketed

THREADS = 2


def write_laid_out(path: Path, parts: Iterable[pa.Table], keys: Sequence[str], buckets: int) -> None:
    """Make a table of rows that come in parts; memory for a few parts is enough."""
    laid_out = (lay_out(part, keys, buckets) for part in parts)
    first = next(laid_out)
    scratch = _base(path.with_suffix(".parts"), first.schema)
    files = [
        file
        for number, part in enumerate(chain([first], laid_out))
        for file in scratch.stage(part, schema=first.schema, part=number)
    ]
    version = scratch.commit(files, schema=first.schema, replace=False)
    _merge(Bucketed(scratch.table, version, tuple(keys), buckets), _base(path, first.schema))
    shutil.rmtree(scratch.table.uri)


def write_one_part(path: Path, rows: pa.Table, keys: Sequence[str], buckets: int) -> None:
    """The same of rows that fit in memory."""
    laid_out = lay_out(rows, keys, buckets)
    _base(path, laid_out.schema).write(laid_out, schema=laid_out.schema, replace=False)


def write_unsorted(path: Path, rows: pa.Table) -> None:
    """Make a table of rows as they come."""
    _base(path, rows.schema, []).write(rows, schema=rows.schema, replace=False)


def by_bucket(labels: pa.Table, keys: Sequence[str], buckets: int) -> Iterator[pa.Table]:
    """The labels of each bucket, each in their order."""
    bucket = bucket_of(labels, keys, buckets)
    ordered = labels.take(pa.array(np.argsort(bucket.astype(np.int16), kind="stable")))
    edges = np.append(0, np.cumsum(np.bincount(bucket, minlength=buckets)))
    return (ordered.slice(start, end - start) for start, end in pairwise(edges))


def _base(path: Path, schema: pa.Schema, partition_by: Sequence[str] = (BUCKET,)) -> Base:
    shutil.rmtree(path, ignore_errors=True)
    table = Table(str(path))
    table.create(schema, partition_by)
    return table.base(0)


def _merge(parts: Bucketed, into: Base) -> None:
    def merged(bucket: int) -> list[File]:
        rows = lay_out(parts.read(bucket, parts.buckets), parts.keys, parts.buckets)
        return into.stage(rows, schema=into.schema, part=bucket)

    with ThreadPoolExecutor(THREADS) as threads:
        files = [file for staged in threads.map(merged, range(parts.buckets)) for file in staged]
    into.commit(files, schema=into.schema, replace=False)
