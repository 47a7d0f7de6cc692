"""All expectations of a source held against its table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa

from asof.features.expectations import Expectation
from asof.features.source import Source
from asof.transforms.statistics import ColumnStatistics
from asof.transforms.validation.counts import Count
from asof.transforms.validation.distributions import DISTRIBUTIONS, of_values
from asof.transforms.validation.figures import FIGURES, of_statistics
from asof.transforms.validation.great_expectations import of_great_expectations
from asof.transforms.validation.outcomes import Outcome, of_count
from asof.transforms.validation.relations import UNIQUE, of_reference, of_uniqueness
from asof.transforms.validation.shapes import SHAPES, of_shape
from asof.transforms.validation.value_counts import Read, ValueCounts, counting
from asof.transforms.validation.versions import BESIDE_VERSIONS, FRESH, Version, of_freshness


@dataclass(frozen=True)
class Subject:
    """A version of a source's clean table, and what its expectations are held against.

    `counts` are those of its row-wise expectations. `read` reads columns of the rows that are judged,
    `others` a column of another source's table. `past` are the versions before, newest first.
    """

    source: Source
    version: Version
    counts: Mapping[Expectation, Count]
    read: Read
    others: Callable[[Source, str], pa.RecordBatchReader]
    past: Sequence[Version]
    now: datetime


def check(subject: Subject) -> list[Outcome]:
    """The outcome of each expectation of the source, in their order."""
    with counting(subject.read) as counts:
        return [
            of_count(rule, subject.counts[rule]) if rule.row_wise else _of_table(subject, rule, counts)
            for rule in subject.source.expect
        ]


def _of_table(subject: Subject, rule: Expectation, counts: ValueCounts) -> Outcome:
    if not rule.compiled:
        return of_great_expectations(rule, subject.read(list(subject.source.columns)))
    if rule.kind in SHAPES:
        return of_shape(rule, list(subject.source.columns), subject.version.rows)
    if rule.kind in FIGURES:
        return of_statistics(rule, _column(subject, rule))
    if rule.kind in DISTRIBUTIONS:
        return of_values(rule, counts, _column(subject, rule))
    if rule.kind in UNIQUE:
        return of_uniqueness(rule, counts)
    if rule.refers_to is not None:
        others = subject.others(rule.refers_to, str(rule.arguments["source_column"]))
        return of_reference(rule, counts, others)
    return _beside_versions(subject, rule)


def _column(subject: Subject, rule: Expectation) -> ColumnStatistics:
    return subject.version.statistics[rule.columns[0]]


def _beside_versions(subject: Subject, rule: Expectation) -> Outcome:
    if rule.kind == FRESH:
        return of_freshness(rule, subject.version, subject.past, subject.now)
    return BESIDE_VERSIONS[rule.kind](rule, subject.version, subject.past)
