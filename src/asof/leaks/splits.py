"""Leaks over a split: what is for training and for the test at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from asof.features.durations import Duration
from asof.features.splits import ByTime
from asof.leaks.case import Case
from asof.leaks.finding import Finding, Json
from asof.leaks.reports import EXAMPLES, examples_at
from asof.storage.hashing import Words
from asof.storage.instants import from_nanoseconds
from asof.transforms.draws import draws
from asof.transforms.leaks.both_sides import duplicates as duplicated
from asof.transforms.leaks.both_sides import on_both_sides
from asof.transforms.leaks.evidence import SEED
from asof.transforms.leaks.reaching_over import reaching_over
from asof.transforms.splits import SPLIT


def overlap(case: Case) -> Iterator[Finding]:
    """The same entity and cut-off on both sides of the split."""
    if case.evidence.places is None:
        return
    twins = on_both_sides(case.evidence.places)
    if twins.rows:
        yield Finding(
            check="overlap",
            what=["test"],
            why="the same entities at the same cut-offs as in training",
            rows=twins.rows,
            of=twins.of,
            examples=_with_lots(case, case.evidence.sample.lots, twins.lots),
            change="split by time or by entity, so that all rows of an entity and cut-off are on one side",
        )


def duplicates(case: Case) -> Iterator[Finding]:
    """The same features on both sides of the split, of other entities, more often than by chance."""
    if case.evidence.vectors is None:
        return
    twins = duplicated(case.evidence.vectors)
    if twins.rows:
        vectors = draws(case.rows, case.features, "vector", SEED)
        yield Finding(
            check="duplicates",
            what=["test"],
            why="rows whose features all equal those of another entity in training",
            rows=twins.rows,
            of=twins.of,
            examples=_with_lots(case, vectors, twins.lots),
            change="the same entity may be there under several keys: make them one in clean=[...], "
            "or split by what they have in common",
        )


def embargo(case: Case) -> Iterator[Finding]:
    """Labels for training whose window reaches into the test."""
    wanted, places = case.job.wanted, case.evidence.places
    ahead = Duration(wanted.label.gap.ns + wanted.label.horizon.ns)
    if places is None or not any(isinstance(rule, ByTime) for rule in wanted.splits):
        return
    over, first = reaching_over(places, ahead.ns)
    if over.any():
        yield Finding(
            check="embargo",
            what=["train"],
            why=f"labels whose window ends after the first cut-off of the test, "
            f"{from_nanoseconds(first):%Y-%m-%d %H:%M}",
            rows=int(over.sum()),
            of=int((~places.rows["test"].to_numpy()).sum()),
            examples=_with_lots(case, case.evidence.sample.lots, places.lots[over]),
            change=f'split with ByTime(..., embargo="{ahead}"), the gap and horizon of the label',
        )


def _with_lots(case: Case, lots: Words, wanted: Words) -> Sequence[Json]:
    """Some rows of the sample that have one of the wanted hashes."""
    places = np.flatnonzero(np.isin(lots, wanted))[:EXAMPLES]
    return examples_at(case.rows, [*case.keys, "cutoff", SPLIT], places)
