"""Columns of rows on their way to a source's schema."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa

from asof.features.source import Source
from asof.ingest.values.conversion import convert
from asof.ingest.values.target import Target
from asof.storage.arrow_types import arrow_type


def told(values: pa.Table, columns: Sequence[str], source: Source) -> pa.Table:
    """Some columns in the types of the source's schema, null where a value can't be taken."""
    converted = {}
    for name in columns:
        target = Target(arrow_type(source.schema[name].name), source.timezone, source.reader.nulls)
        converted[name] = convert(values[name], target)[0]
    return pa.table(converted)


def no_rows(source: Source) -> pa.Table:
    """A table without rows, in the source's schema."""
    columns = list(source.schema)
    return told(pa.table({name: pa.nulls(0) for name in columns}), columns, source)


def pieces(rows: pa.Table, memory: int) -> Iterator[pa.Table]:
    """The rows in tables of about `memory` bytes."""
    size = max(1, memory * rows.num_rows // max(rows.nbytes, 1))
    for start in range(0, rows.num_rows, size):
        yield rows.slice(start, size)
