"""Row-wise expectations whose counts statistics tell, so that no row need be looked at."""

from __future__ import annotations

from typing import Any

from asof.features.expectations import Expectation
from asof.transforms.statistics import ColumnStatistics, Statistics
from asof.transforms.validation.comparable import comparable
from asof.transforms.validation.counts import Numbers


def told(rule: Expectation, known: Statistics) -> Numbers | None:
    """The numbers of an expectation; None where the statistics don't tell."""
    column = known.get(rule.columns[0])
    if column is None:
        return None
    match rule.kind:
        case "expect_column_values_to_not_be_null":
            nan = column.nulls and column.type.startswith("float")  # which counts as null there
            return None if nan else Numbers(0, column.nulls)
        case "expect_column_values_to_be_between":
            return Numbers(column.nulls, 0) if _all_between(rule, column) else None
        case "expect_column_values_to_be_in_set":
            return _in_set(rule, column)
    return None


def _all_between(rule: Expectation, column: ColumnStatistics) -> bool:
    if column.buckets is None or column.type == "bool":
        return not column.values
    least, greatest = column.value(column.least), column.value(column.greatest)
    low, high = (comparable(rule.arguments.get(name), column.type) for name in ("min_value", "max_value"))
    above = low is None or (least > low if rule.arguments.get("strict_min") else least >= low)
    below = high is None or (greatest < high if rule.arguments.get("strict_max") else greatest <= high)
    return bool(above and below)


def _in_set(rule: Expectation, column: ColumnStatistics) -> Numbers | None:
    kept, wanted = column.frequent, rule.arguments["value_set"]
    if kept is None or not kept.complete:
        return None
    allowed: list[Any] = list(wanted)  # type: ignore[call-overload]
    outside = sum(count for value, count in kept.counts if value not in allowed)
    return Numbers(column.nulls, outside) if not outside or _are_texts(allowed, column) else None


def _are_texts(allowed: list[Any], column: ColumnStatistics) -> bool:
    """Whether values are equal here just where they are in SQL, which takes 1 for '1'."""
    return column.type == "string" and all(isinstance(value, str) for value in allowed)
