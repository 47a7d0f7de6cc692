"""From which offset to which a topic is read, and which of its messages can't be any more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

Offsets = Mapping[int, int]
"""By partition, the offset where reading goes on."""
Extents = Mapping[int, tuple[int, int]]
"""By partition, the first offset that is still there and the one after the last."""


@dataclass(frozen=True)
class Span:
    """Offsets of a partition, from `start` up to but without `end`."""

    partition: int
    start: int
    end: int


@dataclass(frozen=True)
class Loss:
    """Messages of a partition, from an offset on, that are gone though they were never read."""

    partition: int
    offset: int
    reason: str


def spans(before: Offsets, extents: Extents) -> list[Span]:
    """What is new in each partition, in their order; a new partition is read from its start.

    >>> spans({0: 7}, {0: (5, 9), 1: (2, 4)})
    [Span(partition=0, start=7, end=9), Span(partition=1, start=2, end=4)]
    """
    return [Span(number, before.get(number, low), high) for number, (low, high) in sorted(extents.items())]


def losses(before: Offsets, extents: Extents) -> list[Loss]:
    """What can't be read though it should be: removed by retention, or with its partition or topic."""
    found = ((number, offset, _loss(offset, extents.get(number))) for number, offset in before.items())
    return [Loss(number, offset, reason) for number, offset, reason in found if reason is not None]


def _loss(offset: int, extent: tuple[int, int] | None) -> str | None:
    if extent is None:
        return f"the partition is gone; it was read up to offset {offset}, what came after is lost"
    low, high = extent
    if offset < low:
        return (
            f"{low - offset} messages were removed before they were read, from offset {offset} to {low - 1}"
        )
    if offset > high:
        return f"the topic was made anew: it was read up to offset {offset}, but ends at {high}"
    return None
