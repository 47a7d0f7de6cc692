"""Row-wise expectations held against rows, all in one pass: how many rows break which."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, NamedTuple

import duckdb
import numpy as np
import pyarrow as pa

from asof.features.expectations import Expectation
from asof.features.expressions import columns_of
from asof.storage.quarantine import json_rows
from asof.transforms.expressions import evaluate, explained, session, to_sql, widened
from asof.transforms.validation.comparable import plain
from asof.transforms.validation.conditions import condition

EXAMPLES = 20
"""Values that are kept of those that break an expectation: as many as Great Expectations does."""

_FIRST_LOOK = 4_096  # rows


@dataclass(frozen=True)
class Count:
    """Of `elements` rows, how many lack the values that are judged, and how many break the expectation.

    `examples` are the first values that do: of one column, or a list of those of several. `first` is the
    first of the rows as JSON text, for a message.
    """

    elements: int
    missing: int
    unexpected: int
    examples: tuple[Any, ...] = ()
    first: str | None = None

    def merged(self, other: Count) -> Count:
        """The count of rows and then others."""
        return Count(
            self.elements + other.elements,
            self.missing + other.missing,
            self.unexpected + other.unexpected,
            (*self.examples, *other.examples)[:EXAMPLES],
            other.first if self.first is None else self.first,
        )


class Numbers(NamedTuple):
    """How many rows lack the values that an expectation judges, and how many break it."""

    missing: int
    unexpected: int


def counted(
    rows: pa.Table, rules: Sequence[Expectation], told: Mapping[Expectation, Numbers] | None = None
) -> list[Count]:
    """How often each of some row-wise expectations is broken by rows; of some the numbers may be `told`.

    DefinitionError where one does not fit the columns, which no rows at all are enough to find.
    """
    known = dict(told or {})
    left = [rule for rule in rules if rule not in known]
    known |= zip(left, _numbers(rows, left), strict=True)
    return [_count(rows, rule, known[rule]) for rule in rules]


def merged(parts: Sequence[Sequence[Count]]) -> list[Count]:
    """The counts of all parts of a table together, in their order."""
    return [reduce(Count.merged, same) for same in zip(*parts, strict=True)]


def breaking(rows: pa.Table, rule: Expectation) -> np.ndarray:
    """Which rows break a row-wise expectation, as bools."""
    found = condition(rule)
    answers = evaluate({"met": (found.met, pa.bool_()), "missing": (found.missing, pa.bool_())}, rows)
    met, missing = (np.asarray(column.fill_null(False).to_numpy(), dtype=bool) for column in answers.columns)
    return ~met & ~missing


def to_json(count: Count) -> dict[str, Any]:
    """A count as JSON data, to go on from with the next version of its table."""
    return {
        "elements": count.elements,
        "missing": count.missing,
        "unexpected": count.unexpected,
        "examples": list(count.examples),
        "first": count.first,
    }


def from_json(given: Mapping[str, Any]) -> Count:
    """What `to_json` gave."""
    return Count(**{**given, "examples": tuple(given["examples"])})


def _numbers(rows: pa.Table, rules: Sequence[Expectation]) -> list[Numbers]:
    if not rules:
        return []
    conditions = [condition(rule) for rule in rules]
    wanted = ", ".join(
        f"count(*) FILTER (WHERE {to_sql(each.missing)}), count(*) FILTER (WHERE {each.unexpected})"
        for each in conditions
    )
    read = frozenset[str]().union(*(columns_of(each.met) | columns_of(each.missing) for each in conditions))
    with session() as connection:
        connection.register("rows", widened(rows.select(sorted(read))))
        try:
            [numbers] = connection.sql(f"SELECT {wanted} FROM rows").fetchall()
        except duckdb.Error as error:
            raise explained(_blamed(rows, rules), error) from error
    return list(map(Numbers, numbers[::2], numbers[1::2]))


def _blamed(rows: pa.Table, rules: Sequence[Expectation]) -> str:
    """The first expectation that can't be computed on its own, which raises what is wrong with it."""
    for rule in rules:
        breaking(rows, rule)
    return ", ".join(rule.kind for rule in rules)


def _count(rows: pa.Table, rule: Expectation, numbers: Numbers) -> Count:
    if not numbers.unexpected:
        return Count(rows.num_rows, *numbers)
    broken = _first_broken(rows, rule, min(numbers.unexpected, EXAMPLES))
    [first] = json_rows(broken.slice(0, 1))
    return Count(rows.num_rows, *numbers, _examples(broken, rule), first)


def _first_broken(rows: pa.Table, rule: Expectation, wanted: int) -> pa.Table:
    """The first rows that break an expectation, looked for in ever longer parts."""
    size = _FIRST_LOOK
    while True:
        at = np.flatnonzero(breaking(rows.slice(0, size), rule))
        if len(at) >= wanted or size >= rows.num_rows:
            return rows.take(pa.array(at[:wanted]))
        size *= 64


def _examples(broken: pa.Table, rule: Expectation) -> tuple[Any, ...]:
    values = broken.select(list(dict.fromkeys(rule.columns))).to_pylist()
    if len(rule.columns) == 1:
        return tuple(plain(row[rule.columns[0]]) for row in values)
    return tuple([plain(row[name]) for name in rule.columns] for row in values)
