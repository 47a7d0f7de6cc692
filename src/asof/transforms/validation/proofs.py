"""Row-wise expectations that statistics prove of all rows, so that no row need be looked at."""

from __future__ import annotations

from typing import Any

from asof.features.expectations import Expectation
from asof.transforms.statistics import ColumnStatistics, Statistics
from asof.transforms.validation.comparable import comparable
from asof.transforms.validation.counts import Count


def proven(rule: Expectation, known: Statistics) -> Count | None:
    """The count of an expectation that no row breaks; None where the statistics don't tell."""
    column = known.get(rule.columns[0])
    if column is None:
        return None
    rows = column.values + column.nulls
    match rule.kind:
        case "expect_column_values_to_not_be_null":
            return None if column.nulls else Count(rows, 0, 0)
        case "expect_column_values_to_be_between":
            return Count(rows, column.nulls, 0) if _all_between(rule, column) else None
        case "expect_column_values_to_be_in_set":
            return Count(rows, column.nulls, 0) if _all_in_set(rule, column) else None
    return None


def _all_between(rule: Expectation, column: ColumnStatistics) -> bool:
    if column.buckets is None or column.type == "bool":
        return not column.values
    least, greatest = column.value(column.least), column.value(column.greatest)
    low, high = (comparable(rule.arguments.get(name), column.type) for name in ("min_value", "max_value"))
    above = low is None or (least > low if rule.arguments.get("strict_min") else least >= low)
    below = high is None or (greatest < high if rule.arguments.get("strict_max") else greatest <= high)
    return bool(above and below)


def _all_in_set(rule: Expectation, column: ColumnStatistics) -> bool:
    kept, wanted = column.frequent, rule.arguments["value_set"]
    if kept is None or not kept.complete:
        return False
    allowed: list[Any] = list(wanted)  # type: ignore[call-overload]
    return all(value in allowed for value, _ in kept.counts)
