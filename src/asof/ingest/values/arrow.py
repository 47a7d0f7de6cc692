"""Arrow columns of one type into another, where every value has an exact counterpart there."""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_HALF_EVEN, Context, Decimal

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from asof.errors import DataError
from asof.ingest.values.target import Target
from asof.ingest.values.text import in_utc
from asof.storage.arrow_types import type_name

NOISE = Decimal("1e-9")
"""How far, relative to its value, a float may lie off the decimal that it stands for."""

_FINITE = Context(prec=400)
_WIDE = 38  # digits that a decimal holds at most


def caster(given: pa.DataType, target: Target) -> Callable[[pa.ChunkedArray], pa.ChunkedArray]:
    """The function from a column of type `given` to the target's; it raises ArrowInvalid at a fault.

    Raises DataError where the types have nothing in common.
    """
    wanted = target.type
    if pt.is_timestamp(wanted) and (pt.is_timestamp(given) or pt.is_date(given)):
        return lambda values: _instants(values, target)
    if pt.is_date(wanted) and (pt.is_timestamp(given) or pt.is_date(given)):
        return _dates
    if pt.is_decimal(wanted) and pt.is_floating(given):
        return lambda values: _decimals(values, wanted)
    if pt.is_decimal(wanted) and pt.is_integer(given):
        return lambda values: values.cast(pa.int64()).cast(pa.decimal128(_WIDE, 0)).cast(wanted)
    if pt.is_null(given) or (_is_number(given) and (_is_number(wanted) or pt.is_string(wanted))):
        return lambda values: values.cast(wanted)
    raise DataError(f"holds {given}, which can't be read as {type_name(wanted)}")


def rounded(number: Decimal, scale: int) -> Decimal | None:
    """The decimal of `scale` digits that `number` stands for, give or take `NOISE`; else None.

    >>> rounded(Decimal(0.1), 2), rounded(Decimal("0.125"), 2)
    (Decimal('0.10'), None)
    """
    if not number.is_finite():
        return None
    near = number.quantize(Decimal(1).scaleb(-scale), ROUND_HALF_EVEN, _FINITE)
    return near if abs(near - number) <= NOISE * abs(number) else None


def _decimals(values: pa.ChunkedArray, wanted: pa.DataType) -> pa.ChunkedArray:
    return pa.chunked_array([[_decimal(value, wanted.scale) for value in values.to_pylist()]], wanted)


def _decimal(value: float | None, scale: int) -> Decimal | None:
    if value is None or value != value:
        return None
    near = rounded(Decimal(value), scale)
    if near is None:
        raise pa.ArrowInvalid(f"{value} has more than {scale} decimal digits")
    return near


def _instants(values: pa.ChunkedArray, target: Target) -> pa.ChunkedArray:
    if getattr(values.type, "tz", None):
        return values.cast(target.type)
    return in_utc(values.cast(pa.timestamp(target.type.unit)), target.timezone)


def _dates(values: pa.ChunkedArray) -> pa.ChunkedArray:
    dates = values.cast(pa.date32())
    if pc.all(pc.equal(dates.cast(values.type), values)).as_py() is False:
        raise pa.ArrowInvalid("a time within a day is not a date")
    return dates


def _is_number(type: pa.DataType) -> bool:
    return pt.is_integer(type) or pt.is_floating(type) or pt.is_decimal(type)
