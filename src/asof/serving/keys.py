"""Keys and other values as they are given: in their own type, or as text from a shell, a URL or JSON."""

from __future__ import annotations

import binascii
import operator
import re
from base64 import b64decode
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Context, Decimal, Inexact, InvalidOperation
from reprlib import repr as shortened
from typing import Any

import numpy as np

from asof.errors import DataError, DefinitionError, choices
from asof.serving.instants import from_text
from asof.storage.arrow_types import arrow_type
from asof.storage.instants import from_nanoseconds, nanoseconds

_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,18}")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_INT64 = range(-(1 << 63), 1 << 63)


def read_keys(
    rows: Sequence[Mapping[str, object]], types: Mapping[str, str], owner: str
) -> list[tuple[Any, ...]]:
    """`read_values` of the keys of many entities; DataError where one is no mapping.

    Most keys are one whole number, given as such: these need no reader.
    """
    for at, row in enumerate(rows):
        if type(row) is not dict and not isinstance(row, Mapping):
            raise DataError(f"row {at} of the keys is {row!r}, expected a mapping of {list(types)}")
    if list(types.values()) != ["int64"]:
        return [read_values(row, types, owner) for row in rows]
    (name,) = types
    return [(row[name],) if _has_integer(row, name) else read_values(row, types, owner) for row in rows]


def _has_integer(row: Mapping[str, object], name: str) -> bool:
    return len(row) == 1 and type(value := row.get(name)) is int and value in _INT64


def read_values(
    given: Mapping[str, object], types: Mapping[str, str], owner: str, what: str = "key"
) -> tuple[Any, ...]:
    """The values of the keys `types` (dtype names by key), in that order; null stays None.

    DefinitionError where a key is missing or isn't one of them, DataError where it has another type.
    `what` they are called in errors.
    """
    if given.keys() != types.keys():
        _refuse_names(given, types, owner, what)
    return tuple([_read(name, dtype, given[name], what) for name, dtype in types.items()])


def _read(name: str, dtype: str, value: object, what: str) -> object:
    if value is None:
        return None
    read, example = _READERS.get(dtype) or _decimal_reader(dtype)
    try:
        return read(value)
    except (TypeError, ValueError, ArithmeticError):
        raise DataError(f"{what} {name!r} is {shortened(value)}, expected {dtype}, as in {example}") from None


def _refuse_names(given: Mapping[str, object], types: Mapping[str, str], owner: str, what: str) -> None:
    needed = ", ".join(f"{name} ({dtype})" for name, dtype in types.items())
    for name in given:
        if name not in types:
            raise DefinitionError(f"{owner} has no {what} {name!r}: {choices(str(name), types)}")
    missing = next(name for name in types if name not in given)
    raise DefinitionError(f"{what} {missing!r} is missing: {owner} needs {needed}")


def _integer(value: Any) -> int:
    if isinstance(value, (bool, np.bool_)):
        raise TypeError
    if isinstance(value, str):
        if not _INTEGER.fullmatch(value):
            raise ValueError
        value = int(value)
    number = operator.index(value)
    if number not in _INT64:
        raise ValueError
    return number


def _float(value: Any) -> float | None:
    """A float; None for NaN, which counts as null."""
    if isinstance(value, (bool, np.bool_, bytes)):
        raise TypeError
    number = float(value)
    return None if number != number else number


def _decimal_reader(dtype: str) -> tuple[Callable[[Any], Any], str]:
    """A reader of exact decimals: a float counts as the number that it is written as."""
    arrow = arrow_type(dtype)
    exact = Context(prec=arrow.precision, traps=[Inexact, InvalidOperation])
    unit = Decimal(1).scaleb(-arrow.scale)

    def read(value: Any) -> Decimal | None:
        if isinstance(value, (bool, np.bool_)):
            raise TypeError
        number = Decimal(repr(float(value)) if isinstance(value, float) else value)
        return None if number.is_nan() else number.quantize(unit, context=exact)

    return read, str(3 * unit)


def _bool(value: Any) -> bool:
    if value in ("true", "false"):
        return bool(value == "true")
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError
    return bool(value)


def _string(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    value.encode()
    return value


def _bytes(value: Any) -> bytes:
    if isinstance(value, str):
        try:
            return b64decode(value, validate=True)
        except binascii.Error:
            raise ValueError from None
    if not isinstance(value, bytes):
        raise TypeError
    return value


def _date(value: Any) -> date:
    if isinstance(value, str) and _DATE.fullmatch(value):
        return date.fromisoformat(value)
    if not isinstance(value, date) or isinstance(value, datetime):
        raise TypeError
    return value


def _timestamp(value: Any) -> datetime:
    moment = _moment(value)
    if moment % 1000:
        raise ValueError
    return from_nanoseconds(moment)


def _timestamp_ns(value: Any) -> np.datetime64:
    return np.datetime64(_moment(value), "ns")


def _moment(value: Any) -> int:
    if isinstance(value, str):
        return from_text(value)
    if isinstance(value, np.datetime64):
        return int(value.astype("datetime64[ns]").astype(np.int64))
    if not isinstance(value, datetime):
        raise TypeError
    return nanoseconds(value)


_INSTANT = "2024-05-01T12:30:00Z"
_READERS: dict[str, tuple[Callable[[Any], Any], str]] = {
    "int8": (_integer, "17"),
    "int16": (_integer, "17"),
    "int32": (_integer, "17"),
    "int64": (_integer, "17"),
    "float32": (_float, "1.5"),
    "float64": (_float, "1.5"),
    "bool": (_bool, "true"),
    "string": (_string, '"a"'),
    "bytes": (_bytes, '"YQ==" (base64)'),
    "date": (_date, "2024-05-01"),
    "timestamp": (_timestamp, _INSTANT),
    "timestamp_ns": (_timestamp_ns, _INSTANT),
}
