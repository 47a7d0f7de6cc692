"""Plain values of a team's functions, in the types that were declared for them."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

from asof.storage.arrow_types import canonical


def fitting(value: object, type: pa.DataType) -> pa.Scalar | None:
    """A value of Python, NumPy or Arrow as one of a type that holds it exactly; None where none does."""
    try:
        given = _given(value)
        if not given.is_valid:
            return pa.scalar(None, type)
        if not _may_be(given.type, type) or _has_null(given):
            return None
        return _as_decimal(given).cast(type) if pa.types.is_decimal(type) else given.cast(type)
    except (pa.ArrowException, ValueError, TypeError, OverflowError):
        return None


def column_of(values: Sequence[pa.Scalar | None], type: pa.DataType) -> pa.Array:
    """A column of such values; NaN is null."""
    column = pa.array(values, type)
    if not pa.types.is_floating(type):
        return column
    return pc.if_else(pc.is_nan(column), pa.scalar(None, type), column)


def _given(value: object) -> pa.Scalar:
    if isinstance(value, pa.Scalar):
        return value
    if isinstance(value, pa.ChunkedArray):
        value = value.combine_chunks()
    if isinstance(value, pa.Array):
        return pa.ListArray.from_arrays(pa.array([0, len(value)], pa.int32()), value)[0]
    return pa.array([value])[0]


def _may_be(given: pa.DataType, wanted: pa.DataType) -> bool:
    """Whether a value is of a kind that a type has; whether it fits is another question."""
    if pa.types.is_list(given) and pa.types.is_list(wanted):
        return _may_be(given.value_type, wanted.value_type)
    if pa.types.is_integer(given):
        return _is_number(wanted)
    alike = pa.types.is_null(given), pa.types.is_floating(given) and pa.types.is_floating(wanted)
    return any(alike) or _both_decimal(given, wanted) or canonical(given) == wanted


def _has_null(given: pa.Scalar) -> bool:
    return pa.types.is_list(given.type) and given.values.null_count > 0


def _as_decimal(given: pa.Scalar) -> pa.Scalar:
    """Arrow takes the widest whole number of a type, not the value, for what a decimal has to hold."""
    return pa.scalar(Decimal(given.as_py())) if pa.types.is_integer(given.type) else given


def _is_number(type: pa.DataType) -> bool:
    return pa.types.is_integer(type) or pa.types.is_floating(type) or pa.types.is_decimal(type)


def _both_decimal(one: pa.DataType, other: pa.DataType) -> bool:
    return pa.types.is_decimal(one) and pa.types.is_decimal(other)
