"""Expectations of a column's values taken together, from exact counts of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from asof.features.expectations import Expectation
from asof.features.expressions import col
from asof.transforms.expressions import to_sql
from asof.transforms.statistics import ColumnStatistics
from asof.transforms.validation.comparable import comparable, plain
from asof.transforms.validation.outcomes import Outcome, listed, of_figure
from asof.transforms.validation.value_counts import ValueCounts

_RELATIVE = 1e-4  # how near to a bound a quantile may lie, as in Great Expectations


def of_values(given: Expectation, counts: ValueCounts, column: ColumnStatistics) -> Outcome:
    """The outcome of an expectation of DISTRIBUTIONS."""
    return DISTRIBUTIONS[given.kind](given, counts, column)


def _median(given: Expectation, counts: ValueCounts, column: ColumnStatistics) -> Outcome:
    if not column.values:
        return of_figure(given, None)
    middle = _at_ranks(counts, given.columns[0], [(column.values - 1) // 2, column.values // 2])
    return of_figure(given, (float(middle[0]) + float(middle[1])) / 2)


def _quantiles(given: Expectation, counts: ValueCounts, column: ColumnStatistics) -> Outcome:
    """Each quantile is the value whose rank is nearest, of two equally near the one whose rank is even."""
    wanted: Any = given.arguments["quantile_ranges"]
    shares = list(wanted["quantiles"])
    values: list[Any] = [None] * len(shares)
    if column.values:
        ranks = [round((column.values - 1) * share) for share in shares]
        values = [float(value) for value in _at_ranks(counts, given.columns[0], ranks)]
    met = [_in_range(value, *bounds) for value, bounds in zip(values, wanted["value_ranges"], strict=True)]
    observed = {"quantiles": shares, "values": values}
    return Outcome(given, all(met), {"observed_value": observed, "details": {"success_details": met}})


def _at_ranks(counts: ValueCounts, column: str, ranks: Sequence[int]) -> list[Any]:
    """The values of these ranks, from 0 for the least."""
    query = (
        "SELECT c0 FROM (SELECT c0, sum(n) OVER (ORDER BY c0) AS through FROM {counts} "
        "WHERE c0 IS NOT NULL AND NOT isnan(c0::DOUBLE)) WHERE through > ? ORDER BY through LIMIT 1"
    )
    return [counts.ask([column], query, rank)[0][0] for rank in ranks]


def _in_range(value: Any, low: Any, high: Any) -> bool:
    if value is None:
        return False
    low, high = -math.inf if low is None else low, math.inf if high is None else high
    near = any(abs(value - bound) <= _RELATIVE * abs(bound) for bound in (low, high) if math.isfinite(bound))
    return bool(near or low <= value <= high)


def _unique_count(given: Expectation, counts: ValueCounts, column: ColumnStatistics) -> Outcome:
    return of_figure(given, _different(given, counts))


def _unique_share(given: Expectation, counts: ValueCounts, column: ColumnStatistics) -> Outcome:
    return of_figure(given, _different(given, counts) / column.values if column.values else 0)


def _different(given: Expectation, counts: ValueCounts) -> int:
    [[number]] = counts.ask(given.columns, "SELECT count(*) FROM {counts} WHERE c0 IS NOT NULL")
    return int(number)


def _beside_set(given: Expectation, counts: ValueCounts, column: ColumnStatistics) -> Outcome:
    """The distinct values that are not in the set, and those of the set that are not there."""
    wanted: Any = given.arguments["value_set"]
    within = to_sql(col("c0").is_in([value for value in wanted if value is not None]))
    query = "SELECT c0 FROM {counts} WHERE c0 IS NOT NULL AND "
    unexpected = [value for (value,) in counts.ask(given.columns, f"{query} NOT {within} ORDER BY c0")]
    found = {value for (value,) in counts.ask(given.columns, f"{query} {within}")}
    missing = [value for value in wanted if comparable(value, column.type) not in found]
    result: dict[str, Any] = {"observed_value": None}
    if not given.kind.endswith("contain_set"):
        result |= {"unexpected_count": len(unexpected)}
        result |= {"partial_unexpected_list": listed([plain(value) for value in unexpected])}
    if not given.kind.endswith("to_be_in_set"):
        result |= {"missing_count": len(missing)}
        result |= {"partial_missing_list": listed([plain(value) for value in missing])}
    met = not any(result.get(name) for name in ("unexpected_count", "missing_count"))
    return Outcome(given, met, result)


def _most_common(given: Expectation, counts: ValueCounts, column: ColumnStatistics) -> Outcome:
    query = (
        "SELECT c0 FROM {counts} WHERE c0 IS NOT NULL AND n = "
        "(SELECT max(n) FROM {counts} WHERE c0 IS NOT NULL) ORDER BY c0"
    )
    values = [value for (value,) in counts.ask(given.columns, query)]
    wanted: Any = given.arguments["value_set"]
    allowed = [comparable(value, column.type) for value in wanted]
    among = sum(value in allowed for value in values)
    success = among > 0 if given.arguments.get("ties_okay") else among == len(values) == 1
    return Outcome(given, success, {"observed_value": [plain(value) for value in values]})


DISTRIBUTIONS: Mapping[str, Callable[[Expectation, ValueCounts, ColumnStatistics], Outcome]] = {
    "expect_column_median_to_be_between": _median,
    "expect_column_quantile_values_to_be_between": _quantiles,
    "expect_column_unique_value_count_to_be_between": _unique_count,
    "expect_column_proportion_of_unique_values_to_be_between": _unique_share,
    "expect_column_distinct_values_to_be_in_set": _beside_set,
    "expect_column_distinct_values_to_equal_set": _beside_set,
    "expect_column_distinct_values_to_contain_set": _beside_set,
    "expect_column_most_common_value_to_be_in_set": _most_common,
}
