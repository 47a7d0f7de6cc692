"""Expectations of a table's columns and of its number of rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import zip_longest
from typing import Any

from asof.features.expectations import Expectation
from asof.transforms.validation.outcomes import Outcome, of_figure


def of_shape(given: Expectation, columns: Sequence[str], rows: int) -> Outcome:
    """The outcome of an expectation of SHAPES."""
    return SHAPES[given.kind](given, columns, rows)


def _rows(given: Expectation, columns: Sequence[str], rows: int) -> Outcome:
    return _number(given, rows)


def _columns(given: Expectation, columns: Sequence[str], rows: int) -> Outcome:
    return _number(given, len(columns))


def _number(given: Expectation, observed: int) -> Outcome:
    if "value" not in given.arguments:
        return of_figure(given, observed)
    return Outcome(given, observed == given.arguments["value"], {"observed_value": observed})


def _column_set(given: Expectation, columns: Sequence[str], rows: int) -> Outcome:
    wanted: Any = given.arguments["column_set"]
    more, less = sorted(set(columns) - set(wanted)), sorted(set(wanted) - set(columns))
    beside = {name: names for name, names in (("unexpected", more), ("missing", less)) if names}
    met = not less and not (more and given.arguments.get("exact_match", True))
    return Outcome(given, met, {"observed_value": sorted(columns)} | _details(beside))


def _column_list(given: Expectation, columns: Sequence[str], rows: int) -> Outcome:
    wanted: Any = given.arguments["column_list"]
    beside = [
        {"Expected Column Position": place, "Expected": expected, "Found": found}
        for place, (expected, found) in enumerate(zip_longest(wanted, columns))
        if expected != found
    ]
    return Outcome(given, not beside, {"observed_value": list(columns)} | _details(beside))


def _details(mismatched: Any) -> dict[str, Any]:
    return {"details": {"mismatched": mismatched}} if mismatched else {}


def _column_exists(given: Expectation, columns: Sequence[str], rows: int) -> Outcome:
    name, place = given.arguments["column"], given.arguments.get("column_index")
    if not isinstance(place, int) or not place:
        return Outcome(given, name in columns, {})
    return Outcome(given, list(columns[place : place + 1]) == [name], {})


SHAPES: Mapping[str, Callable[[Expectation, Sequence[str], int], Outcome]] = {
    "expect_table_row_count_to_be_between": _rows,
    "expect_table_row_count_to_equal": _rows,
    "expect_table_column_count_to_be_between": _columns,
    "expect_table_column_count_to_equal": _columns,
    "expect_table_columns_to_match_set": _column_set,
    "expect_table_columns_to_match_ordered_list": _column_list,
    "expect_column_to_exist": _column_exists,
}
