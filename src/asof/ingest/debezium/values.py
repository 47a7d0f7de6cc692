"""Values of change events as those that a JSON object would have, or as bytes where a column holds those.

A time that is a number counts in the database's own clock, without a zone: it becomes text without
one, and is one of the source's time zone.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Context, Decimal
from typing import Any
from uuid import UUID

from asof.features.readers.debezium import Debezium
from asof.features.types import Bytes, Date, DType
from asof.ingest.debezium.types import PLAIN, Written

UNAVAILABLE = "__debezium_unavailable_value"
"""Stands for a value that the database did not send, as it had not changed; of bytes, its own bytes do."""

_UNAVAILABLE = (UNAVAILABLE, UNAVAILABLE.encode(), base64.b64encode(UNAVAILABLE.encode()).decode())
_LARGEST_SCALE = 1000

_PER_SECOND = {"ms": 10**3, "us": 10**6, "ns": 10**9}
_EXACT = Context(prec=1000)
_BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")


def value_of(value: Any, written: Written | None, column: str, dtype: DType, reader: Debezium) -> object:
    """A value, times and exact numbers as text; ValueError says why it can't be read.

    `written` is None where no schema came with the event: then the column's type and what the reader
    says tell how to read it, or it is refused.
    """
    if value is None:
        return None
    if value in _UNAVAILABLE:
        raise ValueError(
            "was not sent, as it had not changed; give the table in the database REPLICA IDENTITY FULL"
        )
    if written is None:
        written = _undescribed(value, column, dtype, reader)
    return _read(value, written, dtype)


def _undescribed(value: Any, column: str, dtype: DType, reader: Debezium) -> Written:
    if dtype.is_timestamp and type(value) is int:
        unit = reader.unit_of(column)
        if unit is None:
            raise ValueError(f"{value} has no unit: its event has no schema; give Debezium a time_unit")
        return Written("time", unit)
    if dtype.is_decimal and isinstance(value, str):
        return _undescribed_decimal(value, dtype, reader)
    if dtype == Date and type(value) is int:
        return Written("date")
    return Written("bytes") if dtype == Bytes else PLAIN


def _undescribed_decimal(value: str, dtype: DType, reader: Debezium) -> Written:
    if reader.decimals is None and value and _BASE64.fullmatch(value):
        raise ValueError(
            f"{value!r} may be a number or base64: its event has no schema; give Debezium decimals="
        )
    return Written("decimal", scale=dtype.scale) if reader.decimals == "base64" else PLAIN


def _read(value: Any, written: Written, dtype: DType) -> object:
    match written.kind:
        case "time" if not dtype.is_integer:
            return _time(value, written.unit)
        case "date" if not dtype.is_integer:
            return _date(value)
        case "decimal":
            return _unscaled(value, written.scale)
        case "variable decimal":
            return _variable(value)
        case "bytes" if dtype == Bytes:
            return _bytes(value)
    return _plain(value, dtype)


def _plain(value: Any, dtype: DType) -> object:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, bytes) and dtype != Bytes:
        return base64.b64encode(value).decode()
    return value.encode() if isinstance(value, str) and dtype == Bytes else value


def _time(value: Any, unit: str) -> str:
    if isinstance(value, datetime):
        return value.replace(tzinfo=None).isoformat()
    seconds, fraction = divmod(_whole(value), _PER_SECOND[unit])
    try:
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    except OverflowError:
        raise ValueError(f"{value} {unit} since 1970 is out of range") from None
    digits = len(str(_PER_SECOND[unit])) - 1
    text = f"{moment.replace(tzinfo=None).isoformat()}.{fraction:0{digits}}"
    return text.rstrip("0").rstrip(".")


def _date(value: Any) -> str:
    if isinstance(value, date):
        return value.isoformat()
    try:
        return (date(1970, 1, 1) + timedelta(days=_whole(value))).isoformat()
    except OverflowError:
        raise ValueError(f"{value} days since 1970 is out of range") from None


def _unscaled(value: Any, scale: int) -> str:
    if abs(scale) > _LARGEST_SCALE:
        raise ValueError(f"{scale} is no scale of a decimal")
    number = int.from_bytes(_bytes(value), signed=True)
    return f"{Decimal(number).scaleb(-scale, _EXACT):f}"


def _variable(value: Any) -> str:
    if not isinstance(value, Mapping) or "value" not in value:
        raise ValueError(f"{value!r} is not a decimal with a scale of its own")
    return _unscaled(value["value"], _whole(value.get("scale", 0)))


def _bytes(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, TypeError, ValueError):
        raise ValueError(f"{value!r} is not base64") from None


def _whole(value: Any) -> int:
    if type(value) is int:
        return value
    raise ValueError(f"{value!r} is not a whole number")
