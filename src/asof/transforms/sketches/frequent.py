"""The most frequent values with their counts: all values where there are few."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from asof.storage.compiled import compiled
from asof.transforms.sketches.hashes import Hashes, hashes
from asof.transforms.sketches.places import Places

MOST = 64
"""Values that are kept."""
_SAMPLE = 65_536  # rows, evenly taken, in which the candidates are looked for
_SLOTS = 4_096  # so many that most hashes which are not wanted meet an empty one


@dataclass(frozen=True)
class Frequent:
    """Values and how often they are there, most frequent first.

    Where `complete`, these are all values and the counts are exact. Else a count leaves out the parts
    of the table in which the value was not among the most frequent.
    """

    complete: bool
    counts: tuple[tuple[Any, int], ...]

    def merged(self, other: Frequent) -> Frequent:
        """The most frequent values of both together."""
        total = Counter(dict(self.counts))
        total.update(dict(other.counts))
        return _most(list(total.items()), complete=self.complete and other.complete)


def frequent(column: pa.ChunkedArray, of_column: Hashes) -> Frequent:
    """The most frequent values of a column without nulls, whose hashes are given."""
    candidates = _candidates(column)
    counts = _count(of_column, hashes(pa.chunked_array([candidates])))
    found = list(zip(candidates.to_pylist(), counts.tolist(), strict=True))
    return _most(found, complete=int(counts.sum()) == len(column))


def _candidates(column: pa.ChunkedArray) -> pa.Array:
    """The most frequent values of a sample; -0.0 is 0.0."""
    step = -(-len(column) // _SAMPLE) or 1
    sample = column if step == 1 else column.take(pa.array(np.arange(0, len(column), step)))
    counted = pc.value_counts(pc.add(sample, 0.0) if pa.types.is_floating(sample.type) else sample)
    order = np.argsort(-counted.field("counts").to_numpy(), kind="stable")[: MOST + 1]
    return counted.field("values").take(pa.array(order))


def _most(found: list[tuple[Any, int]], *, complete: bool) -> Frequent:
    ordered = sorted(found, key=lambda each: (-each[1], str(each[0])))
    if complete and len(ordered) <= MOST:
        return Frequent(True, tuple(ordered))
    return Frequent(False, tuple(each for each in ordered[:MOST] if each[1] > 1))


@compiled
def _count(given: Hashes, wanted: Hashes) -> Places:
    """How often each of a few wanted hashes is given."""
    slots, last = np.full(_SLOTS, -1), np.uint64(_SLOTS - 1)
    for j in range(len(wanted)):
        slot = wanted[j] & last
        while slots[slot] >= 0:
            slot = (slot + np.uint64(1)) & last
        slots[slot] = j
    counts = np.zeros(len(wanted), np.int64)
    for i in range(len(given)):
        slot = given[i] & last
        while slots[slot] >= 0:
            if wanted[slots[slot]] == given[i]:
                counts[slots[slot]] += 1
                break
            slot = (slot + np.uint64(1)) & last
    return counts
