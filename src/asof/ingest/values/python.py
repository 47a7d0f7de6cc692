"""Python values into Arrow columns, each kept exactly or as its text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec
import pyarrow as pa

from asof.errors import DataError

_ENCODER = msgspec.json.Encoder(decimal_format="number")


def arrow_table(rows: object, columns: Iterable[str]) -> pa.Table:
    """Rows as a table: an Arrow table or batch, what gives an Arrow stream, or mappings by column.

    Of mappings the `columns` are taken, null where a key is not there. DataError for anything else.
    """
    if isinstance(rows, pa.Table):
        return rows
    if isinstance(rows, pa.RecordBatch):
        return pa.Table.from_batches([rows])
    if hasattr(rows, "__arrow_c_stream__"):
        return pa.table(rows)
    listed = [rows] if isinstance(rows, Mapping) else rows
    if isinstance(listed, Sequence) and all(isinstance(row, Mapping) for row in listed):
        return pa.table({name: column([row.get(name) for row in listed]) for name in columns})
    raise DataError(f"rows are Arrow tables, data frames or lists of dicts, got {type(rows).__name__}")


def column(values: Sequence[object]) -> pa.Array:
    """Values as a column of the type that they share, else as text.

    >>> column([1, None, 2]).type, column([1, "two", {"three": 3}]).to_pylist()
    (DataType(int64), ['1', 'two', '{"three":3}'])
    """
    try:
        found = pa.array(values, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
        return _texts(values)
    plain = not pa.types.is_nested(found.type) and not isinstance(found.type, pa.BaseExtensionType)
    return found if plain else _texts(values)


def _texts(values: Sequence[object]) -> pa.Array:
    return pa.array([_text(value) for value in values], pa.string())


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return str(value)
    text = _ENCODER.encode(value).decode()
    return text[1:-1] if text.startswith('"') else text
