"""Row rules held against cleaned rows, all in one pass over the data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from asof.errors import DataError
from asof.features.expectations import Expectation
from asof.features.source import Source
from asof.transforms.cleaning.rejection import Refusal, rejected, retracted
from asof.transforms.expressions import evaluate


@dataclass(frozen=True)
class RuleCount:
    """How many rows a rule was held against, and how many of them broke it."""

    rule: str
    on_fail: str
    rows: int
    broken: int


@dataclass(frozen=True)
class Held:
    """The rows that stay, those to be quarantined (see `Cleaned`), and how often each rule was broken."""

    rows: pa.Table
    rejected: pa.Table
    rules: tuple[RuleCount, ...]


def hold(rows: pa.Table, source: Source, ingested: pa.Table) -> Held:
    """Hold the source's rules against rows, by `_sequence` those of `ingested`, whence the raw content.

    A rule is broken where its condition is false, not where it is null. Retractions are exempt.
    Raises DataError where a rule is broken that must not be (`on_fail="fail"`).
    """
    broken = _broken(rows, source)
    _check(rows, source, broken, ingested)
    aside = np.zeros(rows.num_rows, dtype=bool)
    for rule, at in zip(source.expect, broken, strict=True):
        if rule.on_fail == "quarantine":
            aside |= at
    refusals = [_refusal(rows, source.expect, broken, row) for row in np.flatnonzero(aside).tolist()]
    counts = [
        RuleCount(described(rule), rule.on_fail, rows.num_rows, int(np.count_nonzero(at)))
        for rule, at in zip(source.expect, broken, strict=True)
    ]
    return Held(rows.filter(pa.array(~aside)), rejected(refusals, ingested), tuple(counts))


def described(rule: Expectation) -> str:
    """A rule in a few words.

    >>> from asof.features.expectations import between
    >>> described(between("quantity", 1, 10))
    'quantity: expect ((quantity >= 1) and (quantity <= 10))'
    """
    return f"{rule.column}: expect {rule.condition!r}"


def _broken(rows: pa.Table, source: Source) -> list[np.ndarray]:
    if not source.expect:
        return []
    conditions = {f"{i}": (rule.condition, pa.bool_()) for i, rule in enumerate(source.expect)}
    held = evaluate(conditions, rows)
    exempt = np.asarray(retracted(rows, source).to_numpy(), dtype=bool)
    return [~np.asarray(met.fill_null(True).to_numpy(), dtype=bool) & ~exempt for met in held.columns]


def _check(rows: pa.Table, source: Source, broken: Sequence[np.ndarray], ingested: pa.Table) -> None:
    """DataError that lists the rules which must hold and don't, with the first row that breaks one."""
    failing = [
        (rule, np.flatnonzero(at))
        for rule, at in zip(source.expect, broken, strict=True)
        if rule.on_fail == "fail" and at.any()
    ]
    if not failing:
        return
    said = "; ".join(f"{described(rule)}, broken by {_rows(len(at))}" for rule, at in failing)
    rule, at = failing[0]
    sequence = rows["_sequence"][int(at[0])].as_py()
    row = rejected([Refusal(sequence, "", rule.column)], ingested)["raw"][0]
    raise DataError(f"source {source.name!r}: {said}\nFirst at _sequence {sequence}: {row}")


def _refusal(rows: pa.Table, rules: Sequence[Expectation], broken: Sequence[np.ndarray], row: int) -> Refusal:
    against = [
        rule for rule, at in zip(rules, broken, strict=True) if rule.on_fail == "quarantine" and at[row]
    ]
    reason = "; ".join(f"{described(rule)}, got {rows[rule.column][row]}" for rule in against)
    return Refusal(rows["_sequence"][row].as_py(), reason, against[0].column)


def _rows(number: int) -> str:
    return "1 row" if number == 1 else f"{number:,} rows"
