"""Rows that break an expectation set aside, with the reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from asof.features.expectations import Expectation
from asof.features.source import Source
from asof.transforms.cleaning.rejection import Refusal, rejected, retracted
from asof.transforms.validation.counts import Count, breaking, counted
from asof.transforms.validation.described import described


@dataclass(frozen=True)
class Held:
    """The rows that stay, those to be quarantined (see `Cleaned`), and how often each rule was broken.

    The rules are those of `quarantine_rules`, in their order.
    """

    rows: pa.Table
    rejected: pa.Table
    rules: tuple[Count, ...]


def row_rules(source: Source) -> list[Expectation]:
    """The expectations of a source that single rows meet or break, but for those that set rows aside."""
    return [rule for rule in source.expect if rule.row_wise and rule.on_fail != "quarantine"]


def quarantine_rules(source: Source) -> list[Expectation]:
    """The expectations of a source that set rows aside."""
    return [rule for rule in source.expect if rule.on_fail == "quarantine"]


def judged(rows: pa.Table, source: Source) -> pa.Table:
    """The rows that expectations are held against: all but retractions."""
    if source.retracted is None or source.retracted not in rows.column_names:
        return rows
    return rows.filter(pc.invert(retracted(rows, source)))


def hold(rows: pa.Table, source: Source, ingested: pa.Table) -> Held:
    """Set aside the rows that break an expectation of a source, by `_sequence` those of `ingested`.

    The raw content of a rejected row is that of the ingested one. Retractions stay. DefinitionError
    where any expectation of the source does not fit the rows' columns.
    """
    counted(rows.slice(0, 0), row_rules(source))
    rules = quarantine_rules(source)
    counts = counted(judged(rows, source), rules)
    broken = [
        breaking(rows, rule) & ~_exempt(rows, source) if count.unexpected else np.zeros(rows.num_rows, bool)
        for rule, count in zip(rules, counts, strict=True)
    ]
    aside = np.logical_or.reduce(broken) if broken else np.zeros(rows.num_rows, dtype=bool)
    refusals = [_refusal(rows, rules, broken, row) for row in np.flatnonzero(aside).tolist()]
    kept = rows.filter(pa.array(~aside)) if refusals else rows
    return Held(kept, rejected(refusals, ingested), tuple(counts))


def _exempt(rows: pa.Table, source: Source) -> np.ndarray:
    return np.asarray(retracted(rows, source).to_numpy(), dtype=bool)


def _refusal(rows: pa.Table, rules: Sequence[Expectation], broken: Sequence[np.ndarray], row: int) -> Refusal:
    against = [rule for rule, at in zip(rules, broken, strict=True) if at[row]]
    reason = "; ".join(f"{described(rule)}, got {_got(rows, rule, row)}" for rule in against)
    return Refusal(rows["_sequence"][row].as_py(), reason, against[0].columns[0])


def _got(rows: pa.Table, rule: Expectation, row: int) -> str:
    return ", ".join(str(rows[name][row]) for name in rule.columns)
