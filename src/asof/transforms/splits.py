"""Splitting the rows of a training set into training and test."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from asof.features.training_set import ByTime

SPLIT = "split"


@dataclass(frozen=True)
class Split:
    """The split of each row ("train", "test", or null where the embargo leaves it out)."""

    of_row: pa.Array
    counts: dict[str, int]


def split_by_time(cutoffs: npt.NDArray[np.int64], rule: ByTime) -> Split:
    """Split rows with `cutoffs`, in nanoseconds UTC: those in the last `rule.test` are for the test."""
    if not len(cutoffs):
        return Split(pa.array([], pa.string()), {"train": 0, "test": 0, "embargoed": 0})
    test = cutoffs > cutoffs.max() - rule.test.ns
    train = ~test & (cutoffs <= cutoffs[test].min() - rule.embargo.ns)
    labels = pa.array(np.where(test, "test", "train").tolist(), pa.string(), mask=~(test | train))
    return Split(
        labels,
        {
            "train": int(train.sum()),
            "test": int(test.sum()),
            "embargoed": int((~(test | train)).sum()),
        },
    )
