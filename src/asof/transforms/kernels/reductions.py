"""What each aggregate makes of the rows that a label sees."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

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
    segment_sums,
    whole_array,
)
from asof.transforms.kernels.instants import Bools, Ints

_NS_PER_DAY = 86_400 * 10**9


@dataclass(frozen=True)
class Events:
    """Rows that count for an aggregate, in order: their event times and values.

    No value is null, unless the aggregate has no column. Times are in counts of `ns_per_count`.
    """

    column: str | None
    values: pa.Array
    times: Ints
    ns_per_count: int

    @cached_property
    def numbers(self) -> Numbers:
        """As floats, or as whole numbers of 10^-scale."""
        return numbers(self.values)

    @cached_property
    def floats(self) -> Floats:
        return as_floats(self.numbers, self.scale)

    @property
    def scale(self) -> int:
        return scale_of(self.values.type)

    @cached_property
    def ranked(self) -> tuple[Ints, pa.Array]:
        """For each event the rank of its value, and the different values by rank."""
        encoded = _without_negative_zero(self.values).dictionary_encode()
        order = pc.sort_indices(encoded.dictionary).to_numpy().astype(np.int64)
        ranks = np.empty(len(order), np.int64)
        ranks[order] = np.arange(len(order))
        return ranks[encoded.indices.to_numpy()], encoded.dictionary.take(pa.array(order))


@dataclass(frozen=True)
class Seen:
    """For each of some labels the events that it sees: `sizes` of them from `first` to `last`.

    `first` and `last` mean nothing where the size is 0. `positions` are the events of the labels one
    after another where they have gaps, None where each label sees all from its first to its last.
    """

    cutoffs: Ints
    sizes: Ints
    first: Ints
    last: Ints
    positions: Ints | None = None

    @cached_property
    def some(self) -> Bools:
        return self.sizes > 0

    @cached_property
    def events(self) -> Ints:
        """The events seen, label after label, each label's in order."""
        if self.positions is not None:
            return self.positions
        return ranges(self.first, self.sizes)

    @cached_property
    def labels(self) -> Ints:
        """For each of `events` the label that sees it."""
        return np.repeat(np.arange(len(self.sizes)), self.sizes)

    @cached_property
    def starts(self) -> Ints:
        """Where in `events` those of each label that sees some start."""
        return (np.cumsum(self.sizes) - self.sizes)[self.some]


Reduction = Callable[[Events, Seen], pa.Array]


def ranges(first: Ints, sizes: Ints) -> Ints:
    """The whole numbers from each `first` on, `sizes` of them, one range after another."""
    starts = np.cumsum(sizes) - sizes
    return np.arange(sizes.sum()) + np.repeat(first - starts, sizes)


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


def _count(events: Events, seen: Seen) -> pa.Array:
    return pa.array(seen.sizes)


def _count_distinct(events: Events, seen: Seen) -> pa.Array:
    ranks, values = events.ranked
    pairs = np.sort(seen.labels * len(values) + ranks[seen.events])
    new = np.ones(len(pairs), bool)
    new[1:] = pairs[1:] != pairs[:-1]
    return pa.array(np.bincount(seen.labels[new], minlength=len(seen.sizes)))


def _sum(events: Events, seen: Seen) -> pa.Array:
    total = _total(events, seen)
    if total.dtype == np.float64:
        return float_array(total, seen.some)
    try:
        if pa.types.is_decimal(events.values.type):
            return decimal_array(total, seen.some, events.scale)
        return whole_array(total, seen.some)
    except OverflowError:
        raise DataError(
            f"a sum of {events.column!r} ({events.values.type}) is too great to be exact; "
            f"sum it as Float64, or leave out the rows that make it so"
        ) from None


def _mean(events: Events, seen: Seen) -> pa.Array:
    return float_array(_means(events, seen), seen.some)


def _std(events: Events, seen: Seen) -> pa.Array:
    mean = np.zeros(len(seen.sizes))
    mean[seen.some] = _means(events, seen)
    deviations = events.floats[seen.events] - mean[seen.labels]
    several = seen.sizes > 1
    squares = _sums_in_order(deviations * deviations, seen)[several]
    return float_array(np.sqrt(squares / (seen.sizes[several] - 1)), several)


def _min(events: Events, seen: Seen) -> pa.Array:
    return _extreme(np.minimum, events, seen)


def _max(events: Events, seen: Seen) -> pa.Array:
    return _extreme(np.maximum, events, seen)


def _first(events: Events, seen: Seen) -> pa.Array:
    return events.values.take(pa.array(seen.first, mask=~seen.some))


def _last(events: Events, seen: Seen) -> pa.Array:
    return events.values.take(pa.array(seen.last, mask=~seen.some))


def _days_since_last(events: Events, seen: Seen) -> pa.Array:
    since = seen.cutoffs[seen.some] - events.times[seen.last[seen.some]]
    days, rest = np.divmod(since, _NS_PER_DAY // events.ns_per_count)
    return float_array(days + rest / (_NS_PER_DAY // events.ns_per_count), seen.some)


REDUCTIONS: dict[str, Reduction] = {
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


def _total(events: Events, seen: Seen) -> Numbers:
    """The sum for each label that sees some: exact, or of floats one after another from 0.0."""
    seen_numbers = events.numbers[seen.events]
    if seen_numbers.dtype == np.float64:
        return _sums_in_order(seen_numbers, seen)[seen.some]
    return segment_sums(seen_numbers, seen.starts)


def _means(events: Events, seen: Seen) -> Floats:
    return as_floats(_total(events, seen), events.scale) / seen.sizes[seen.some]


def _sums_in_order(values: Floats, seen: Seen) -> Floats:
    """For each label 0.0 plus its values one after another: bincount adds in no other order."""
    return np.asarray(np.bincount(seen.labels, values, len(seen.sizes)), np.float64)


def _extreme(least: np.ufunc, events: Events, seen: Seen) -> pa.Array:
    ranks, values = events.ranked
    found = least.reduceat(ranks[seen.events], seen.starts) if seen.some.any() else np.empty(0, np.int64)
    return values.take(whole_array(found, seen.some))


def _without_negative_zero(values: pa.Array) -> pa.Array:
    """The values with -0.0 as 0.0: they are equal, so that the first to come would win."""
    if not pa.types.is_floating(values.type):
        return values
    return pc.add(values, pa.scalar(0.0, values.type))
