"""Splitting the rows of a training set into training and test."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from asof.features.training_set import ByTime

SPLIT = "split"


@dataclass(frozen=True)
class Split:
    """The split of each row ("train", "test", or null where the embargo leaves it out)."""

    of_row: pa.Array
    counts: dict[str, int]


def split_by_time(cutoffs: pa.ChunkedArray, rule: ByTime, last: int) -> Split:
    """Split rows with `cutoffs` (timestamps, UTC); `last` is the last that can be, in ns since 1970.

    Those later than `last - rule.test` are for the test, those up to `rule.embargo` before that for
    training. What is in between depends on no row, so that rows can be split part by part.
    """
    times = cutoffs.cast(pa.timestamp("ns", "UTC")).cast(pa.int64()).to_numpy()
    test = times > last - rule.test.ns
    train = times <= last - rule.test.ns - rule.embargo.ns
    names = pa.array(np.where(test, "test", "train").tolist(), pa.string(), mask=~(test | train))
    counts = {"train": train.sum(), "test": test.sum(), "embargoed": (~(test | train)).sum()}
    return Split(names, {name: int(count) for name, count in counts.items()})
