"""Numbers and times as *places*: 64-bit integers in the same order, that can be cut into buckets.

The place of a time is its number of units since 1970. The place of any other number is made from the
bits of the double nearest to it, so that a bucket of places is as wide as its numbers are large.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from asof.storage.compiled import compiled, inlined

Places = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_ALL_BUT_SIGN = np.int64(0x7FFF_FFFF_FFFF_FFFF)


def is_time(type: pa.DataType) -> bool:
    """Whether the places of this type are the values themselves: timestamps and dates."""
    return pa.types.is_timestamp(type) or pa.types.is_date(type)


def is_number(type: pa.DataType) -> bool:
    """Whether values of this type can be added up; a bool is 0 or 1."""
    kinds = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, pa.types.is_boolean)
    return any(is_of(type) for is_of in kinds)


def of_numbers(numbers: Floats) -> Places:
    """The places of numbers, none of them NaN.

    >>> np.argsort(of_numbers(np.array([0.5, -3.0, 1e300, -0.0]))).tolist()
    [1, 3, 0, 2]
    """
    return _of_numbers(np.ascontiguousarray(numbers))


def to_numbers(places: Places) -> Floats:
    """The numbers that have these places."""
    return np.where(places < 0, places ^ _ALL_BUT_SIGN, places).view(np.float64)


@compiled
def _of_numbers(numbers: Floats) -> Places:
    places = np.empty(len(numbers), np.int64)
    bits = numbers.view(np.int64)
    for i in range(len(numbers)):
        places[i] = place_of(bits[i])
    return places


@inlined
def place_of(bits: int) -> int:
    """The place of the number that has these bits; the two zeros share one."""
    if bits >= 0:
        return bits
    return bits ^ 0x7FFF_FFFF_FFFF_FFFF if bits << 1 else 0
