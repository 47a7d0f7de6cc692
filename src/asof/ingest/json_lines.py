"""JSON lines: one object a line. A key that is not there is null; nested values are kept as JSON text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

import msgspec
import pyarrow as pa

from asof.features.source import Source
from asof.features.types import DType
from asof.ingest.arrow_values import rounded
from asof.ingest.batch import Rejection
from asof.ingest.delimited_records import shown
from asof.ingest.records import Parsed, Records, parsed

_DECODER = msgspec.json.Decoder(dict[str, object], float_hook=Decimal)
_ENCODER = msgspec.json.Encoder(decimal_format="number")


def read(data: bytes, source: Source) -> Parsed:
    """The rows of a file."""
    lines = data.removeprefix(b"\xef\xbb\xbf").splitlines()
    objects, numbers, malformed = [], [], []
    for number, found in _objects(lines):
        if isinstance(found, Rejection):
            malformed.append(found)
        else:
            objects.append(found)
            numbers.append(number)
    values = {name: _column(objects, name, dtype) for name, dtype in source.schema.items()}

    def locate(row: int) -> tuple[int, str]:
        return numbers[row], shown(lines[numbers[row] - 1])

    return parsed(Records(pa.table(values), locate, malformed), source)


def _objects(lines: Sequence[bytes]) -> Iterator[tuple[int, dict[str, object] | Rejection]]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            yield number, _DECODER.decode(line)
        except msgspec.ValidationError:
            yield number, Rejection(number, shown(line), "is not a JSON object")
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            yield number, Rejection(number, shown(line), f"is not JSON: {error}")


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
