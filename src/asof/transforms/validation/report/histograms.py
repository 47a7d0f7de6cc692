"""Statistics as bars to draw: histograms of numbers and times, and the most frequent values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from asof.storage.arrow_types import arrow_type
from asof.transforms.sketches.buckets import Buckets
from asof.transforms.sketches.places import is_time
from asof.transforms.statistics import ColumnStatistics

BINS = 28
VALUES = 6
_WIDE = 3.0  # how many times as wide as its inner 98 % a range may be before its ends are left out


@dataclass(frozen=True)
class Bar:
    """A share of all values, and what it is a share of."""

    label: str
    share: float


@dataclass(frozen=True)
class Histogram:
    """Bars in the order of values, from one end to the other; `outside` is the share beyond the ends."""

    bars: tuple[Bar, ...]
    start: str
    end: str
    outside: float


def histogram(column: ColumnStatistics) -> Histogram | None:
    """The histogram of a column of numbers or times; None where it has no values, or others."""
    if column.buckets is None or column.type == "bool":
        return None
    few = _few_values(column)
    return few or _binned(column, column.buckets)


def most_frequent(column: ColumnStatistics) -> tuple[Bar, ...]:
    """The most frequent values, and all others together last; nothing where none is kept."""
    if column.frequent is None or not column.frequent.counts or not column.values:
        return ()
    shown = [Bar(spelled(value), count / column.values) for value, count in column.frequent.counts[:VALUES]]
    rest = 1 - sum(bar.share for bar in shown)
    return (*shown, Bar("all others", rest)) if rest > 1e-9 else tuple(shown)


def spelled(value: Any) -> str:
    """A value for people: numbers with few digits, times without what is zero."""
    if isinstance(value, bool | int):
        return f"{value:,}" if type(value) is int else str(value).lower()
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 10_000 else f"{value:,.0f}"
    return _text(value).removesuffix("+00:00").removesuffix(" 00:00:00")


def _few_values(column: ColumnStatistics) -> Histogram | None:
    """A bar for each value where there are few."""
    kept = column.frequent
    if kept is None or not kept.complete or not 0 < len(kept.counts) <= BINS:
        return None
    ordered = sorted(kept.counts)
    bars = tuple(Bar(spelled(value), count / column.values) for value, count in ordered)
    return Histogram(bars, spelled(ordered[0][0]), spelled(ordered[-1][0]), 0.0)


def _binned(column: ColumnStatistics, buckets: Buckets) -> Histogram:
    low, high = _range(buckets)
    edges = np.linspace(low, high, BINS + 1)
    shares = _spread(buckets, edges) / buckets.total
    labels = [_edge(column, edge) for edge in edges]
    bars = tuple(
        Bar(f"{labels[place]} – {labels[place + 1]}", float(share)) for place, share in enumerate(shares)
    )
    return Histogram(bars, *_ends(labels), max(0.0, 1 - float(shares.sum())))


def _range(buckets: Buckets) -> tuple[float, float]:
    starts, ends = buckets.bounds()
    low, high = float(starts[0]), float(ends[-1])
    first, last = buckets.quantiles((0.01, 0.99))
    if not np.isfinite([low, high]).all() or (last > first and high - low > _WIDE * (last - first)):
        low, high = first, last
    return (low, high) if high > low else (low - 0.5, low + 0.5)


def _spread(buckets: Buckets, edges: np.ndarray) -> np.ndarray:
    """How many values lie between the edges, those of a bucket taken as spread evenly over it."""
    starts, ends = buckets.bounds()
    widths = np.maximum(ends - starts, (edges[-1] - edges[0]) * 1e-9)
    inside = np.clip((edges[:, None] - starts) / widths, 0, 1)
    inside[0] = np.where(starts >= edges[0], 0, inside[0])
    inside[-1] = np.where(ends <= edges[-1], 1, inside[-1])
    return np.asarray(np.diff(inside @ buckets.counts))


def _edge(column: ColumnStatistics, edge: float) -> str:
    if not is_time(arrow_type(column.type)):
        return spelled(float(edge))
    text = str(column.value(round(edge)))
    return text[:16] if column.type != "date" else text


def _ends(labels: Sequence[str]) -> tuple[str, str]:
    """The first and last label; of times only the days, where they tell the bars apart."""
    days = [label.partition(" ")[0] for label in labels]
    return (days[0], days[-1]) if len(set(days)) == len(labels) else (labels[0], labels[-1])


def _text(value: Any, longest: int = 28) -> str:
    text = "(empty)" if value == "" else str(value)
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def total_share(bars: Sequence[Bar]) -> float:
    """The greatest share, to which bars are drawn; never nothing."""
    return max((bar.share for bar in bars), default=0.0) or 1.0
