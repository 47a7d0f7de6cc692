"""Rows brought into order: key by key, in time, ties by what became known last."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from asof.storage.compiled import compiled
from asof.storage.ordering import before, grouped, sort_each
from asof.transforms.kernels.instants import Bools, Ints, read_only
from asof.transforms.kernels.key_codes import KeyRuns


@dataclass(frozen=True)
class Rank:
    """What the rows of a key are ordered by: the first column first, all int64 and read-only."""

    times: Ints
    known_from: Ints
    sequence: Ints


@dataclass(frozen=True)
class Arrangement:
    """Rows in order: `order` has for each position the row, None where all are in place.

    The rows of the key with code `i` are at the positions from `starts[i]` until before
    `starts[i + 1]`.
    """

    order: Ints | None
    starts: Ints

    def apply(self, column: Ints) -> Ints:
        """The values of the column position by position."""
        return column if self.order is None else column[self.order]


def arrange(runs: KeyRuns, rank: Rank, wanted: Bools | None = None) -> Arrangement:
    """The rows that have a key, and of those the `wanted`, in order.

    What is in order costs one look at each row. What isn't is sorted by merging what is in order in
    it, as of rows that were appended in batches.
    """
    columns = rank.times, rank.known_from, rank.sequence
    if runs.apart and _in_order(read_only(runs.starts), *columns):
        if wanted is None or wanted.all():
            return Arrangement(None, runs.starts)
        return Arrangement(np.flatnonzero(wanted), np.append(0, np.cumsum(wanted))[runs.starts])
    codes = runs.of_rows
    if wanted is not None:
        codes[~wanted] = -1
    order, starts = grouped(codes, int(codes.max(initial=-1)) + 1)
    sort_each(order, starts, *columns)
    return Arrangement(order, starts)


@compiled
def _in_order(starts: Ints, times: Ints, known_from: Ints, sequence: Ints) -> bool:
    for run in range(len(starts) - 1):
        for row in range(starts[run] + 1, starts[run + 1]):
            if before(row, row - 1, times, known_from, sequence):
                return False
    return True
