"""Expectations of a column's figures, from its statistics."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from asof.features.expectations import Expectation
from asof.transforms.statistics import ColumnStatistics
from asof.transforms.validation.outcomes import Outcome, of_figure


def of_statistics(given: Expectation, column: ColumnStatistics) -> Outcome:
    """The outcome of an expectation of FIGURES."""
    observed = FIGURES[given.kind](column)
    return of_figure(given, observed, column.type if given.kind in _EXTREMES else "")


def _least(column: ColumnStatistics) -> Any:
    return None if column.least is None else column.value(column.least)


def _greatest(column: ColumnStatistics) -> Any:
    return None if column.greatest is None else column.value(column.greatest)


def _mean(column: ColumnStatistics) -> float | None:
    return column.mean


def _total(column: ColumnStatistics) -> int | float | None:
    return column.total


def _std(column: ColumnStatistics) -> float | None:
    return column.std


def _share_present(column: ColumnStatistics) -> float:
    rows = column.values + column.nulls
    return column.values / rows if rows else 0


_EXTREMES: Mapping[str, Callable[[ColumnStatistics], Any]] = {
    "expect_column_min_to_be_between": _least,
    "expect_column_max_to_be_between": _greatest,
}
FIGURES: Mapping[str, Callable[[ColumnStatistics], Any]] = {
    **_EXTREMES,
    "expect_column_mean_to_be_between": _mean,
    "expect_column_sum_to_be_between": _total,
    "expect_column_stdev_to_be_between": _std,
    "expect_column_proportion_of_non_null_values_to_be_between": _share_present,
}
