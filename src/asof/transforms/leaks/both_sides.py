"""Rows that are on both sides of a split, told from where rows are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from asof.storage.hashing import Words, mix
from asof.transforms.kernels.instants import Ints
from asof.transforms.leaks.bounds import DEVIATIONS
from asof.transforms.leaks.drawn import Drawn
from asof.transforms.leaks.evidence import bools

Mask = npt.NDArray[np.bool_]

LEAST = 0.02
"""Share of the rows for the test from which on what is more than chance is told."""


@dataclass(frozen=True)
class Twins:
    """Rows for the test, `of` so many, that have an equal on the other side; `lots` are theirs."""

    rows: int
    of: int
    lots: Words


def on_both_sides(places: Drawn) -> Twins:
    """Rows for the test whose keys and cut-off a row for training has too."""
    times, test, lots = _columns(places)
    twins = np.isin(_at(lots[test], times[test]), _at(lots[~test], times[~test]))
    return Twins(int(twins.sum()), int(test.sum()), lots[test][twins])


def duplicates(vectors: Drawn) -> Twins:
    """Rows for the test whose features a row for training has at the same cut-off, where that is no chance.

    By chance rows are as often alike at neighbouring cut-offs, so that these are the measure.
    """
    times, test, lots = _columns(vectors)
    trained = np.unique(times[~test])
    if len(trained) < 2 or not test.any():
        return Twins(0, int(test.sum()), lots[:0])
    known = _at(lots[~test], times[~test])
    same = np.isin(_at(lots[test], times[test]), known)
    near = np.isin(_at(lots[test], _neighbour(trained, times[test])), known)
    if _least(same.astype(float) - near, lots[test]) < LEAST:
        return Twins(0, len(same), lots[:0])
    return Twins(int((same & ~near).sum()), len(same), lots[test][same & ~near])


def _columns(places: Drawn) -> tuple[Ints, Mask, Words]:
    return places.rows["cutoff"].to_numpy(), bools(places.rows["test"]), places.lots


def _at(lots: Words, times: Ints) -> Words:
    return mix(lots ^ times.view(np.uint64))


def _neighbour(known: Ints, times: Ints) -> Ints:
    """The next of the known times after each, before the last the one before."""
    after = np.searchsorted(known, times, side="right")
    return np.where(after < len(known), known[np.minimum(after, len(known) - 1)], known[-2])


def _least(more: npt.NDArray[np.float64], lots: Words) -> float:
    """The least that the mean may really be; rows with the same features count as one."""
    _, groups = np.unique(lots, return_inverse=True)
    sums = np.bincount(groups.reshape(-1), weights=more - more.mean())
    return float(more.mean() - DEVIATIONS * np.sqrt((sums**2).sum()) / len(more))
