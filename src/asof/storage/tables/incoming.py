"""Rows on their way into a table: whatever they come as, batches of the table's own types."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import TypeAlias

import pyarrow as pa

from asof.errors import DataError, choices
from asof.storage.tables.nanoseconds import declared

Rows: TypeAlias = pa.Table | pa.RecordBatchReader | Iterable[pa.RecordBatch]


class Incoming:
    """Rows to be written with the stored schema `schema`; they can be iterated over once.

    Columns are matched by name and cast without loss, batch by batch as they are asked for.
    """

    def __init__(self, rows: Rows, schema: pa.Schema) -> None:
        self.schema = schema
        self._batches: Iterable[pa.RecordBatch] = rows.to_batches() if isinstance(rows, pa.Table) else rows

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        types = declared(self.schema)
        for batch in self._batches:
            _check_names(batch.schema.names, types.names)
            columns = [_cast(batch.column(field.name), field) for field in types]
            yield pa.RecordBatch.from_arrays(columns, schema=types).cast(self.schema)


def with_schema(rows: Rows, *, otherwise: pa.Schema) -> tuple[pa.Schema, Rows]:
    """Rows and the schema that they bring; `otherwise` is for when there is not even one batch."""
    if isinstance(rows, pa.Table | pa.RecordBatchReader):
        return rows.schema, rows
    batches: Iterator[pa.RecordBatch] = iter(rows)
    first = next(batches, None)
    if first is None:
        return otherwise, []
    return first.schema, chain([first], batches)


def _cast(column: pa.Array, field: pa.Field) -> pa.Array:
    try:
        return column.cast(field.type)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise DataError(
            f"column {field.name!r} is {column.type}, the table's is {field.type}: {error}"
        ) from error


def _check_names(given: list[str], wanted: list[str]) -> None:
    for name in given:
        if name not in wanted:
            raise DataError(f"the table has no column {name!r}; {choices(name, wanted)}")
    for name in wanted:
        if name not in given:
            raise DataError(f"the rows lack column {name!r}; they have {', '.join(given)}")
