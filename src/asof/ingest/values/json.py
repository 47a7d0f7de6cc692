"""Values of JSON objects as the text of columns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

import msgspec
import pyarrow as pa

from asof.features.source import Source
from asof.features.types import DType, String
from asof.ingest.schema.contract import kept
from asof.ingest.values.arrow import rounded

DECODER = msgspec.json.Decoder(dict[str, object], float_hook=Decimal)
"""Reads an object; fractions come as decimals, exactly as they are written."""

_ENCODER = msgspec.json.Encoder(decimal_format="number")


def columns_of(objects: Sequence[dict[str, object]], source: Source) -> pa.Table:
    """The objects as text, a column for each key that is kept; null where a key is not there."""
    names = kept(_keys(objects, source), source)
    return pa.table(
        {name: _column(objects, name, source.schema.get(name, String)) for name in names},
    )


def _keys(objects: Iterable[dict[str, object]], source: Source) -> list[str]:
    if source.contract.new_columns == "ignore":
        return []
    return list(dict.fromkeys(key for found in objects for key in found))


def _column(objects: Sequence[dict[str, object]], name: str, dtype: DType) -> pa.Array:
    return pa.array([_text(found.get(name), dtype) for found in objects], pa.string())


def _text(value: object, dtype: DType) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, Decimal):
        return _number(value, dtype)
    return str(value) if type(value) is int else _ENCODER.encode(value).decode()


def _number(value: Decimal, dtype: DType) -> str:
    """A number as text, freed of a float's noise where it is to be a decimal."""
    near = rounded(value, dtype.scale) if dtype.is_decimal else None
    return str(value if near is None else near)
