"""Which rows two training sets have in common, by their keys and cut-offs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from asof.storage.hashing import Words
from asof.storage.tables import Snapshot
from asof.transforms.draws import draws

ROWS_AT_ONCE = 20_000_000
"""Rows of both together whose hashes are held at a time, 8 bytes each; of more there are several rounds."""


@dataclass(frozen=True)
class Overlap:
    """How many rows are in both, and in one of them only. A row that is there twice counts twice."""

    both: int
    only_first: int
    only_second: int


def overlap(first: Snapshot, second: Snapshot, identity: Sequence[str], rows: int) -> Overlap:
    """Compare rows by 64-bit hashes of the columns `identity`; `rows` is the number in both together."""
    rounds = -(-rows // ROWS_AT_ONCE) or 1
    both = only_first = only_second = 0
    for number in range(rounds):
        one, other = (_hashes(each, identity, rounds, number) for each in (first, second))
        common = _in_both(one, other)
        both += common
        only_first += len(one) - common
        only_second += len(other) - common
    return Overlap(both, only_first, only_second)


def _hashes(rows: Snapshot, identity: Sequence[str], rounds: int, number: int) -> Words:
    found = list(_of_round(rows, identity, rounds, number))
    return np.concatenate(found) if found else np.empty(0, np.uint64)


def _of_round(rows: Snapshot, identity: Sequence[str], rounds: int, number: int) -> Iterator[Words]:
    for batch in rows.batches(identity):
        hashes = draws(batch, identity, "identity")
        yield hashes[hashes % np.uint64(rounds) == number]


def _in_both(first: Words, second: Words) -> int:
    """How many are in both, as often as in the one that has fewer."""
    (one, of_one), (other, of_other) = (np.unique(each, return_counts=True) for each in (first, second))
    _, at, there = np.intersect1d(one, other, assume_unique=True, return_indices=True)
    return int(np.minimum(of_one[at], of_other[there]).sum())
