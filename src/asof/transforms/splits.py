"""Splitting the rows of a training set into training and test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from asof.features.splits import ByEntity, ByTime, Splits
from asof.transforms.draws import shares

SPLIT, TRAIN, TEST = "split", "train", "test"
WEIGHT = "weight"

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Sides:
    """Which rows are for training and which for the test; a row may be on neither side."""

    train: Mask
    test: Mask

    def both(self, other: Sides) -> Sides:
        """The rows that are on one side by both."""
        return Sides(self.train & other.train, self.test & other.test)

    @property
    def neither(self) -> Mask:
        """The rows that are left out."""
        return ~(self.train | self.test)


@dataclass(frozen=True)
class Split:
    """The split of each row ("train", "test", or null where it is left out), and how many rows each has.

    Left out are those that the embargo of a rule by time does, "embargoed", and those that one rule has
    on one side and another on the other, "crossed".
    """

    of_row: pa.Array
    counts: dict[str, int]


def split(rows: pa.Table, rules: Splits, keys: Sequence[str], last: int) -> Split:
    """Split rows by `keys` and `cutoff` (timestamps, UTC); `last` is the last that can be, in ns since 1970.

    On which side a row is depends on no other row, so that rows can be split part by part.
    """
    of_rules = [
        _by_time(rows["cutoff"], rule, last) if isinstance(rule, ByTime) else _by_entity(rows, rule, keys)
        for rule in rules
    ]
    sides = reduce(Sides.both, of_rules)
    names = pa.array(np.where(sides.test, TEST, TRAIN).tolist(), pa.string(), mask=sides.neither)
    return Split(names, dict(_counts(rules, of_rules, sides)))


def parts_of_split(rules: Splits) -> list[str]:
    """What `Split.counts` counts."""
    embargoed = ["embargoed"] if any(isinstance(rule, ByTime) for rule in rules) else []
    return [TRAIN, TEST, *embargoed, *(["crossed"] if len(rules) > 1 else [])] if rules else []


def _by_time(cutoffs: pa.ChunkedArray, rule: ByTime, last: int) -> Sides:
    """The test is what is later than `last - rule.test`; up to `rule.embargo` before that is for training."""
    times = cutoffs.cast(pa.timestamp("ns", "UTC")).cast(pa.int64()).to_numpy()
    return Sides(times <= last - rule.test.ns - rule.embargo.ns, times > last - rule.test.ns)


def _by_entity(rows: pa.Table, rule: ByEntity, keys: Sequence[str]) -> Sides:
    test = shares(rows, keys, "split", rule.seed) < rule.test
    return Sides(~test, test)


def _counts(rules: Splits, of_rules: Sequence[Sides], sides: Sides) -> list[tuple[str, int]]:
    embargoed = reduce(np.logical_or, (each.neither for each in of_rules))
    found = {
        TRAIN: sides.train,
        TEST: sides.test,
        "embargoed": embargoed,
        "crossed": sides.neither & ~embargoed,
    }
    return [(part, int(found[part].sum())) for part in parts_of_split(rules)]
