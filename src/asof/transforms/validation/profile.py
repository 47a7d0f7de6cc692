"""What is known of a table's rows for the sake of its expectations; merged from its parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from asof.features.expectations import Expectation
from asof.features.source import Source
from asof.transforms import statistics
from asof.transforms.statistics import Statistics
from asof.transforms.validation import counts
from asof.transforms.validation.counts import Count
from asof.transforms.validation.hold import judged, row_rules
from asof.transforms.validation.proofs import told

_OF_NO_INTEREST = ("_sequence", "_known_from")


@dataclass(frozen=True)
class Profile:
    """Statistics of the columns, and how often each of the source's `row_rules` is broken, in their order."""

    statistics: Statistics
    counts: tuple[Count, ...]


def profile(rows: pa.Table, source: Source, rules: Sequence[Expectation] | None = None) -> Profile:
    """The profile of clean rows; of other row-wise expectations where `rules` are given."""
    known = statistics.statistics(rows.drop_columns(list({*_OF_NO_INTEREST} & {*rows.column_names})))
    held = row_rules(source) if rules is None else rules
    return Profile(known, _counts(known, rows, judged(rows, source), held))


def _counts(
    known: Statistics, rows: pa.Table, asked: pa.Table, rules: Sequence[Expectation]
) -> tuple[Count, ...]:
    """How often each rule is broken by the rows `asked`; what is told of all rows needs no look."""
    if asked is not rows:
        return tuple(counts.counted(asked, rules))
    by_rule = {rule: numbers for rule in rules if (numbers := told(rule, known)) is not None}
    return tuple(counts.counted(rows, rules, by_rule))


def merged(parts: Sequence[Profile]) -> Profile:
    """The profile of all parts of a table together, in their order; at least one."""
    return Profile(
        statistics.merged([part.statistics for part in parts]),
        tuple(counts.merged([part.counts for part in parts])),
    )


def to_json(given: Profile) -> dict[str, Any]:
    """A profile as JSON data, to be kept in the details of a version."""
    return {
        "statistics": statistics.to_json(given.statistics),
        "counts": [counts.to_json(count) for count in given.counts],
    }


def from_json(given: Mapping[str, Any]) -> Profile:
    """What `to_json` gave, from the details of a version."""
    return Profile(
        statistics.from_json(given["statistics"]),
        tuple(counts.from_json(count) for count in given["counts"]),
    )
