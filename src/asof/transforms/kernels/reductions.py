"""What each aggregate makes of the rows that a label sees."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from asof.errors import DataError
from asof.transforms.kernels.exact import (
    Floats,
    Numbers,
    as_floats,
    decimal_array,
    float_array,
    numbers,
    scale_of,
    whole_array,
)
from asof.transforms.kernels.frequencies import count_different, most_frequent
from asof.transforms.kernels.instants import Ints
from asof.transforms.kernels.picks import least, newest, oldest
from asof.transforms.kernels.stays import Stays
from asof.transforms.kernels.sums import FloatNumbers, WholeNumbers

_NS_PER_DAY = 86_400 * 10**9


@dataclass(frozen=True, eq=False)
class Events:
    """Rows that count for an aggregate, in order: their event times and values.

    No value is null, unless the aggregate has no column. Times are in counts of `ns_per_count`.
    """

    column: str | None
    values: pa.Array
    times: Ints
    ns_per_count: int

    @property
    def scale(self) -> int:
        """Digits after the point."""
        return scale_of(self.values.type)

    @cached_property
    def numbers(self) -> FloatNumbers | WholeNumbers:
        """Floats, or whole numbers of 10^-scale, to be summed."""
        found = numbers(self.values)
        return FloatNumbers(found) if found.dtype == np.float64 else WholeNumbers(found)

    def sums(self, stays: Stays) -> Numbers:
        """For each label the sum of what it sees: floats, or whole numbers of 10^-scale."""
        if stays not in self._sums:
            self._sums[stays] = self.numbers.sums(stays)
        return self._sums[stays]

    @cached_property
    def _sums(self) -> dict[Stays, Numbers]:
        return {}

    @cached_property
    def floats(self) -> FloatNumbers:
        """The numbers as floats, to be summed."""
        if isinstance(self.numbers, FloatNumbers):
            return self.numbers
        return FloatNumbers(as_floats(numbers(self.values), self.scale))

    @cached_property
    def ranked(self) -> tuple[Ints, pa.Array]:
        """For each event the rank of its value, and the different values by rank."""
        encoded = _without_negative_zero(self.values).dictionary_encode()
        order = pc.sort_indices(encoded.dictionary).to_numpy().astype(np.int64)
        ranks = np.empty(len(order), np.int64)
        ranks[order] = np.arange(len(order))
        return ranks[encoded.indices.to_numpy()], encoded.dictionary.take(pa.array(order))

    @cached_property
    def rising(self) -> Numbers:
        """For each event a number that is greater the greater its value is."""
        if pa.types.is_floating(self.values.type):
            return numbers(self.values)
        if pa.types.is_integer(self.values.type) or pa.types.is_temporal(self.values.type):
            return self.values.cast(pa.int64() if self.values.type.bit_width == 64 else pa.int32()).to_numpy()
        return self.ranked[0]

    @cached_property
    def falling(self) -> Numbers:
        """For each event a number that is less the greater its value is."""
        return -self.rising if self.rising.dtype == np.float64 else ~self.rising


Reduction = Callable[[Events, Stays], pa.Array]


def quotient(numerator: pa.Array, denominator: pa.Array) -> pa.Array:
    """Float64 quotients; null where either is null or the denominator is 0."""
    present = np.asarray(
        pc.and_(pc.is_valid(numerator), pc.is_valid(denominator)).to_numpy(zero_copy_only=False), bool
    )
    above, below = (
        as_floats(numbers(part.filter(pa.array(present))), scale_of(part.type))
        for part in (numerator, denominator)
    )
    present[present] = below != 0
    return float_array(above[below != 0] / below[below != 0], present)


def reduction(function: str, most: int | None) -> Reduction:
    """The aggregate of that name, of at most so many values where it is a list."""
    if most is not None:
        return partial(_LISTS[function], most=most)
    return _REDUCTIONS[function]


def _count(events: Events, stays: Stays) -> pa.Array:
    return pa.array(stays.sizes)


def _count_distinct(events: Events, stays: Stays) -> pa.Array:
    ranks, values = events.ranked
    return pa.array(count_different(ranks, len(values), stays))


def _sum(events: Events, stays: Stays) -> pa.Array:
    total = events.sums(stays)[stays.some]
    if total.dtype == np.float64:
        return float_array(total, stays.some)
    try:
        if pa.types.is_decimal(events.values.type):
            return decimal_array(total, stays.some, events.scale)
        return whole_array(total, stays.some)
    except OverflowError:
        raise DataError(
            f"a sum of {events.column!r} ({events.values.type}) is too great to be exact; "
            f"sum it as Float64, or leave out the rows that make it so"
        ) from None


def _mean(events: Events, stays: Stays) -> pa.Array:
    totals: Floats = as_floats(events.sums(stays)[stays.some], events.scale)
    return float_array(totals / stays.sizes[stays.some], stays.some)


def _std(events: Events, stays: Stays) -> pa.Array:
    several = stays.sizes > 1
    return float_array(events.floats.deviations(stays)[several], several)


def _min(events: Events, stays: Stays) -> pa.Array:
    return _without_negative_zero(_picked(events, least(events.rising, stays)))


def _max(events: Events, stays: Stays) -> pa.Array:
    return _without_negative_zero(_picked(events, least(events.falling, stays)))


def _first(events: Events, stays: Stays) -> pa.Array:
    return _picked(events, oldest(stays))


def _last(events: Events, stays: Stays) -> pa.Array:
    return _picked(events, newest(stays)[:, 0])


def _last_n(events: Events, stays: Stays, most: int) -> pa.Array:
    return _lists(events.values, newest(stays, most))


def _top_k(events: Events, stays: Stays, most: int) -> pa.Array:
    ranks, values = events.ranked
    return _lists(values, most_frequent(ranks, len(values), stays, most))


def _days_since_last(events: Events, stays: Stays) -> pa.Array:
    labels = np.flatnonzero(stays.some)
    since = stays.cutoffs[labels] - events.times[newest(stays)[labels, 0]]
    days, rest = np.divmod(since, _NS_PER_DAY // events.ns_per_count)
    return float_array(days + rest / (_NS_PER_DAY // events.ns_per_count), stays.some)


_REDUCTIONS: dict[str, Reduction] = {
    "count": _count,
    "count_distinct": _count_distinct,
    "sum": _sum,
    "mean": _mean,
    "std": _std,
    "min": _min,
    "max": _max,
    "first": _first,
    "last": _last,
    "days_since_last": _days_since_last,
}
_LISTS = {"last_n": _last_n, "top_k": _top_k}


def _picked(events: Events, positions: Ints) -> pa.Array:
    return events.values.take(pa.array(positions, mask=positions < 0))


def _lists(values: pa.Array, positions: Ints) -> pa.Array:
    """For each row of `positions` the list of the values there, of those that are not negative."""
    found = positions >= 0
    ends = np.cumsum(found.sum(axis=1), dtype=np.int32)
    offsets = pa.array(np.concatenate([[0], ends]).astype(np.int32))
    return pa.ListArray.from_arrays(
        offsets, values.take(pa.array(positions[found])), mask=pa.array(~found[:, 0])
    )


def _without_negative_zero(values: pa.Array) -> pa.Array:
    """The values with -0.0 as 0.0: they are equal, so that the first to come would win."""
    if not pa.types.is_floating(values.type):
        return values
    return pc.add(values, pa.scalar(0.0, values.type))
