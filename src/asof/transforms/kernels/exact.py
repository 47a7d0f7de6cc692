"""Exact sums of numbers: decimals are whole numbers of their last digit."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from asof.transforms.kernels.instants import Bools, Ints

Numbers = npt.NDArray[Any]
"""int64, float64, or Python's int as objects where 64 bits don't hold a value."""
Floats = npt.NDArray[np.float64]

_EXACT_IN_FLOAT = 2**53
_EXACT_POWER_OF_TEN = 22
_DIGITS = 38
_WORD = 2**64
_MASK = 2**32 - 1


def scale_of(type: pa.DataType) -> int:
    """Digits after the point: of a decimal as declared, 0 of any other type."""
    return type.scale if pa.types.is_decimal(type) else 0


def numbers(values: pa.Array) -> Numbers:
    """The values, none of them null: floats as float64, others as whole numbers of 10^-scale."""
    if pa.types.is_floating(values.type):
        return np.asarray(values.to_numpy(zero_copy_only=False), np.float64)
    if pa.types.is_decimal(values.type):
        return _unscaled(values.cast(pa.decimal128(_DIGITS, values.type.scale)))
    return np.asarray(values.to_numpy(zero_copy_only=False), np.int64)


def as_floats(values: Numbers, scale: int) -> Floats:
    """The floats nearest to `values` x 10^-scale."""
    if values.dtype == np.float64 or (values.dtype == np.int64 and scale == 0):
        return values.astype(np.float64)
    if scale <= _EXACT_POWER_OF_TEN and not _beyond(values, _EXACT_IN_FLOAT):
        return values.astype(np.float64) / 10.0**scale
    return np.array([int(value) / 10**scale for value in values], np.float64)


def greatest_size(values: Numbers) -> int:
    """The greatest of the values without their signs; 0 of none."""
    return max(int(values.max()), -int(values.min())) if len(values) else 0


def halves(values: Numbers) -> list[tuple[Ints, int]]:
    """Columns of numbers of at most 32 bits, each with its weight, that make up whole numbers."""
    if values.dtype == np.int64:
        return [(values & _MASK, 1), (values >> 32, 1 << 32)]
    parts = [((values >> shift) & _MASK, 1 << shift) for shift in (0, 32, 64)]
    return [(part.astype(np.int64), weight) for part, weight in [*parts, (values >> 96, 1 << 96)]]


def whole_array(values: Numbers, present: Bools) -> pa.Array:
    """An int64 array with `values` in the places that are `present`, nulls elsewhere.

    Raises OverflowError where one does not fit.
    """
    spread = np.zeros(len(present), np.int64)
    spread[present] = values.astype(np.int64)
    return pa.array(spread, mask=~present)


def float_array(values: Floats, present: Bools) -> pa.Array:
    """A float64 array with `values` in the places that are `present`, nulls elsewhere."""
    spread = np.zeros(len(present))
    spread[present] = values
    return pa.array(spread, mask=~present)


def decimal_array(values: Numbers, present: Bools, scale: int) -> pa.Array:
    """A decimal128(38, scale) array with `values` x 10^-scale in the places that are `present`.

    Raises OverflowError where one does not fit.
    """
    if _beyond(values, 10**_DIGITS - 1):
        raise OverflowError
    words = np.zeros((len(present), 2), np.int64)
    words[present] = _words(values)
    valid = pa.array(present).buffers()[1]
    return pa.Array.from_buffers(pa.decimal128(_DIGITS, scale), len(present), [valid, pa.py_buffer(words)])


def _beyond(values: Numbers, limit: int) -> bool:
    return greatest_size(values) > limit


def _unscaled(decimals: pa.Array) -> Numbers:
    if len(decimals) == 0:
        return np.empty(0, np.int64)
    words = np.frombuffer(decimals.buffers()[1], np.int64).reshape(-1, 2)
    low, high = words[decimals.offset : decimals.offset + len(decimals)].T
    if (high == low >> 63).all():
        return np.ascontiguousarray(low)
    return high.astype(object) * _WORD + low.view(np.uint64).astype(object)


def _words(values: Numbers) -> Ints:
    """The low and high 64 bits of each value, one row each."""
    if values.dtype == np.int64:
        return np.stack([values, values >> 63], axis=1)
    low = np.array([value % _WORD for value in values], np.uint64).view(np.int64)
    return np.stack([low, np.array([value // _WORD for value in values], np.int64)], axis=1)
