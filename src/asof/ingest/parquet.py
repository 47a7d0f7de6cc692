"""Parquet files. A rejected row's raw content is its JSON text, its line the number of the row."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet

from asof.errors import DataError, choices
from asof.features.source import Source
from asof.ingest.records import Parsed, Records, parsed
from asof.storage.quarantine import json_rows


def read(data: bytes, source: Source) -> Parsed:
    """The rows of a file. Raises DataError for one that is broken or lacks a declared column."""
    try:
        file = pa.parquet.ParquetFile(pa.BufferReader(data))
        _check_columns(file.schema_arrow.names, source)
        values = file.read(columns=list(source.schema)).select(list(source.schema))
    except (pa.ArrowInvalid, OSError) as error:
        raise DataError(f"is not a whole Parquet file: {error}") from error
    return parsed(Records(values, lambda row: (row + 1, json_rows(values.slice(row, 1))[0])), source)


def _check_columns(names: list[str], source: Source) -> None:
    for column in source.schema:
        if column not in names:
            raise DataError(f"has no column {column!r}; {choices(column, names)}")
