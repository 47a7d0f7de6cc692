"""What a table's log says of a file, so that readers can leave it out: Delta's statistics."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import msgspec
import pyarrow.parquet as pq

_LONGEST_TEXT = 64

Chunks = list[pq.Statistics | None]


def statistics(file: pq.FileMetaData) -> str:
    """Number of rows; least and greatest value and number of nulls of each flat column, as JSON.

    Values that JSON or the log can't hold exactly (decimals, long text, bytes) are left out.
    """
    columns = {file.schema.column(at).name: _chunks(file, at) for at in _flat(file)}
    return msgspec.json.encode(
        {
            "numRecords": file.num_rows,
            "minValues": _known({name: _bound(of, min) for name, of in columns.items()}),
            "maxValues": _known({name: _bound(of, max) for name, of in columns.items()}),
            "nullCount": _known({name: _nulls(of) for name, of in columns.items()}),
        }
    ).decode()


def _flat(file: pq.FileMetaData) -> list[int]:
    columns = [file.schema.column(at) for at in range(file.num_columns)]
    return [
        at
        for at, column in enumerate(columns)
        if column.max_repetition_level == 0 and column.max_definition_level <= 1
    ]


def _chunks(file: pq.FileMetaData, column: int) -> Chunks:
    groups = range(file.num_row_groups)
    return [file.row_group(group).column(column).statistics for group in groups]


def _nulls(chunks: Chunks) -> int | None:
    counted = [chunk.null_count for chunk in chunks if chunk is not None and chunk.has_null_count]
    return sum(counted) if len(counted) == len(chunks) else None


def _bound(chunks: Chunks, which: Callable[[list[Any]], Any]) -> Any:
    filled = [chunk for chunk in chunks if chunk is None or chunk.num_values]
    values = [getattr(chunk, which.__name__) for chunk in filled if chunk and chunk.has_min_max]
    return _json(which(values)) if values and len(values) == len(filled) else None


def _json(value: Any) -> Any:
    """The value as the log writes it, or None where it can't."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, str):
        return value if len(value) <= _LONGEST_TEXT else None
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _known(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
