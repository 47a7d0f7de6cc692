"""Expectations of rows beside other rows: uniqueness, and values of another source."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import pyarrow as pa

from asof.features.expectations import Expectation
from asof.features.expressions import Literal, col
from asof.transforms.expressions import to_sql
from asof.transforms.validation.comparable import plain
from asof.transforms.validation.conditions import ALL_OR_ANY
from asof.transforms.validation.counts import EXAMPLES, Count
from asof.transforms.validation.outcomes import Outcome, of_count
from asof.transforms.validation.value_counts import ValueCounts

UNIQUE = ("expect_column_values_to_be_unique", "expect_compound_columns_to_be_unique")
REFERENCES = "expect_column_values_to_be_in_source"


def of_uniqueness(given: Expectation, counts: ValueCounts) -> Outcome:
    """Whether no two rows agree in the columns; rows without values in them are not judged."""
    missing = _missing(given)
    [[rows, lacking, repeated]] = counts.ask(
        given.columns,
        f"SELECT coalesce(sum(n), 0), coalesce(sum(n) FILTER ({missing}), 0), "
        f"coalesce(sum(n) FILTER (n > 1 AND NOT {missing}), 0) FROM {{counts}}",
    )
    examples = (
        counts.ask(
            given.columns,
            f"SELECT * FROM {{counts}} WHERE n > 1 AND NOT {missing} ORDER BY ALL LIMIT {EXAMPLES}",
        )
        if repeated
        else []
    )
    found = Count(int(rows), int(lacking), int(repeated), _repeated(examples))
    return of_count(given, found)


def of_reference(given: Expectation, counts: ValueCounts, others: pa.RecordBatchReader) -> Outcome:
    """Whether every value is among `others`, the one column of another source."""
    [column] = given.columns
    [[rows, lacking]] = counts.ask(
        [column], "SELECT coalesce(sum(n), 0), coalesce(sum(n) FILTER (c0 IS NULL), 0) FROM {counts}"
    )
    absent = counts.absent_from(column, others)
    examples = tuple(plain(value) for value, _ in absent[:EXAMPLES])
    return of_count(given, Count(int(rows), int(lacking), sum(n for _, n in absent), examples))


def _missing(given: Expectation) -> str:
    """Which counted values are not judged, in SQL."""
    absent = [col(f"c{place}").is_null() for place in range(len(given.columns))]
    combine = ALL_OR_ANY[str(given.arguments.get("ignore_row_if", "all_values_are_missing"))]
    return to_sql(reduce(combine, absent) if combine else Literal(False))


def _repeated(groups: Sequence[tuple[object, ...]]) -> tuple[object, ...]:
    """The values of repeated rows, each as often as it is there."""
    shown: list[object] = []
    for *values, times in groups:
        value = plain(values[0]) if len(values) == 1 else [plain(each) for each in values]
        shown += [value] * min(int(times), EXAMPLES)  # type: ignore[call-overload]
    return tuple(shown[:EXAMPLES])
