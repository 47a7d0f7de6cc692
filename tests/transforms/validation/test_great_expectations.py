"""The verdicts of Great Expectations on pandas, beside ours, on generated rows."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from asof.features.expectations import expect
from asof.features.expectations.kinds import COMPILED
from asof.transforms.validation.great_expectations import (
    of_great_expectations,
    suite_validation_result,
    validation_result,
)
from asof.transforms.validation.outcomes import suite_result

pytestmark = pytest.mark.filterwarnings("ignore")

INTEGERS = st.integers(-3, 5)
NUMBERS = st.sampled_from([-2.5, -1.0, 0.0, 0.5, 1.0, 2.0, 3.25])
TEXTS = st.sampled_from(["", "a", "ab", "abc", "Paris", "12", "é!"])
PATTERNS = st.sampled_from(["^a", "b", "[0-9]+", "^$", "a.c", "é"])
SHARES = st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0])


def null_or(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | values


@st.composite
def tables(draw: st.DrawFn) -> pa.Table:
    rows = draw(
        st.lists(st.tuples(*map(null_or, (INTEGERS, INTEGERS, NUMBERS, TEXTS))), min_size=1, max_size=12)
    )
    n, m, x, text = zip(*rows, strict=True)
    types = {"n": pa.int64(), "m": pa.int64(), "x": pa.float64(), "text": pa.string()}
    return pa.table(
        {name: pa.array(each, types[name]) for name, each in zip(types, (n, m, x, text), strict=True)}
    )


def bounds(values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    strict = st.fixed_dictionaries({}, optional={"strict_min": st.booleans(), "strict_max": st.booleans()})
    pair = st.tuples(values, values).map(sorted)
    both = pair.map(lambda pair: {"min_value": pair[0], "max_value": pair[1]})
    one = st.sampled_from(["min_value", "max_value"]).flatmap(lambda name: values.map(lambda v: {name: v}))
    return st.tuples(both | one, strict).map(lambda parts: parts[0] | parts[1])


def of(**arguments: Any) -> st.SearchStrategy[dict[str, Any]]:
    """Arguments, each a strategy or a value."""
    return st.fixed_dictionaries(
        {
            name: each if isinstance(each, st.SearchStrategy) else st.just(each)
            for name, each in arguments.items()
        }
    )


def both(*parts: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return st.tuples(*parts).map(
        lambda found: {name: value for part in found for name, value in part.items()}
    )


def mostly(one: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return both(one, st.fixed_dictionaries({}, optional={"mostly": SHARES}))


def column(values: st.SearchStrategy[Any], name: str, many: int = 1) -> st.SearchStrategy[dict[str, Any]]:
    return of(column=name, value_set=st.lists(values, min_size=many, max_size=4, unique=True))


FIGURES = both(of(column=st.sampled_from(["n", "x"])), bounds(st.integers(-3, 8)))
SETS = column(INTEGERS, "n") | column(TEXTS, "text") | column(NUMBERS, "x")
PAIR = of(
    column_A="n",
    column_B="m",
    ignore_row_if=st.sampled_from(["both_values_are_missing", "either_value_is_missing", "neither"]),
)
SEVERAL = of(
    column_list=["n", "m"],
    ignore_row_if=st.sampled_from(["all_values_are_missing", "any_value_is_missing", "never"]),
)
ANY = of(column=st.sampled_from(["n", "x", "text"]))
QUANTILES = st.lists(st.tuples(SHARES, bounds(st.integers(-3, 5))), min_size=1, max_size=3).map(
    lambda found: {
        "quantiles": [share for share, _ in found],
        "value_ranges": [[one.get("min_value"), one.get("max_value")] for _, one in found],
    }
)
COUNTS = bounds(st.integers(0, 12))
NAMES = st.lists(st.sampled_from(["n", "m", "x", "text", "other"]), min_size=1, unique=True)

CASES: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "expect_column_values_to_not_be_null": mostly(ANY),
    "expect_column_values_to_be_null": mostly(ANY),
    "expect_column_values_to_be_in_set": mostly(SETS),
    "expect_column_values_to_not_be_in_set": mostly(SETS),
    "expect_column_values_to_be_between": mostly(
        both(of(column=st.sampled_from(["n", "x"])), bounds(st.integers(-3, 5)))
    ),
    "expect_column_values_to_match_regex": mostly(of(column="text", regex=PATTERNS)),
    "expect_column_values_to_not_match_regex": mostly(of(column="text", regex=PATTERNS)),
    "expect_column_values_to_match_regex_list": mostly(
        of(
            column="text",
            regex_list=st.lists(PATTERNS, min_size=1, max_size=3),
            match_on=st.sampled_from(["any", "all"]),
        )
    ),
    "expect_column_values_to_not_match_regex_list": mostly(
        of(column="text", regex_list=st.lists(PATTERNS, min_size=1, max_size=3))
    ),
    "expect_column_value_lengths_to_be_between": mostly(both(of(column="text"), bounds(st.integers(0, 5)))),
    "expect_column_value_lengths_to_equal": mostly(of(column="text", value=st.integers(0, 5))),
    "expect_column_pair_values_to_be_equal": mostly(PAIR),
    "expect_column_pair_values_a_to_be_greater_than_b": mostly(both(PAIR, of(or_equal=st.booleans()))),
    "expect_column_pair_values_to_be_in_set": mostly(
        both(PAIR, of(value_pairs_set=st.lists(st.tuples(null_or(INTEGERS), INTEGERS), min_size=1)))
    ),
    "expect_multicolumn_sum_to_equal": mostly(both(SEVERAL, of(sum_total=INTEGERS))),
    "expect_multicolumn_values_to_be_equal": mostly(SEVERAL),
    "expect_select_column_values_to_be_unique_within_record": mostly(SEVERAL),
    "expect_column_values_to_be_unique": mostly(ANY),
    "expect_compound_columns_to_be_unique": mostly(SEVERAL),
    "expect_column_min_to_be_between": FIGURES,
    "expect_column_max_to_be_between": FIGURES,
    "expect_column_mean_to_be_between": FIGURES,
    "expect_column_median_to_be_between": FIGURES,
    "expect_column_sum_to_be_between": FIGURES,
    "expect_column_stdev_to_be_between": FIGURES,
    "expect_column_quantile_values_to_be_between": of(
        column=st.sampled_from(["n", "x"]), quantile_ranges=QUANTILES
    ),
    "expect_column_unique_value_count_to_be_between": both(ANY, COUNTS),
    "expect_column_proportion_of_unique_values_to_be_between": both(ANY, bounds(SHARES)),
    "expect_column_proportion_of_non_null_values_to_be_between": both(ANY, bounds(SHARES)),
    "expect_column_distinct_values_to_be_in_set": SETS,
    "expect_column_distinct_values_to_equal_set": SETS,
    "expect_column_distinct_values_to_contain_set": SETS,
    "expect_column_most_common_value_to_be_in_set": both(SETS, of(ties_okay=st.booleans())),
    "expect_table_row_count_to_be_between": COUNTS,
    "expect_table_row_count_to_equal": of(value=st.integers(0, 12)),
    "expect_table_column_count_to_be_between": of(min_value=st.integers(2, 5), max_value=st.integers(5, 6)),
    "expect_table_column_count_to_equal": of(value=st.integers(3, 5)),
    "expect_table_columns_to_match_set": of(column_set=NAMES, exact_match=st.booleans()),
    "expect_table_columns_to_match_ordered_list": of(column_list=NAMES),
    "expect_column_to_exist": of(
        column=st.sampled_from(["n", "text", "other"]), column_index=st.integers(0, 5)
    ),
}
OURS_ALONE = {
    "expect_column_values_to_match_like_pattern",  # Great Expectations has no LIKE on pandas
    "expect_column_values_to_not_match_like_pattern",
    "expect_column_values_to_be_in_source",
    "expect_column_distribution_to_be_stable",
    "expect_table_row_count_growth_to_be_between",
    "expect_table_new_row_count_ratio_to_be_between",
    "expect_table_event_times_to_be_fresh",
}
COUNTED = ("element_count", "unexpected_count", "missing_count", "unexpected_percent", "missing_percent")
LISTED = ("partial_unexpected_list", "partial_missing_list")


@pytest.fixture(scope="module", autouse=True)
def great_expectations(require: Callable[[str, object], None]) -> None:
    require("great_expectations", importlib.util.find_spec("great_expectations"))


def test_every_compiled_kind_is_compared() -> None:
    assert set(CASES) | OURS_ALONE == set(COMPILED)


@pytest.mark.slow
@pytest.mark.parametrize("kind", CASES)
def test_verdicts_and_counts_are_those_of_great_expectations(kind: str, judged: Callable[..., Any]) -> None:
    @settings(max_examples=25, suppress_health_check=list(HealthCheck))
    @given(rows=tables(), arguments=CASES[kind])
    def compare(rows: pa.Table, arguments: dict[str, Any]) -> None:
        rule = expect(kind, **arguments)
        [ours] = judged(rows, rule)
        theirs = of_great_expectations(rule, rows.to_reader())
        told = f"{rule!r}\nours:   {ours.success} {ours.result}\ntheirs: {theirs.success} {theirs.result}"
        assert ours.success == theirs.success, told
        for name in COUNTED:
            assert alike(ours.result.get(name), theirs.result.get(name)), told
        for name in LISTED:
            assert listed(ours.result.get(name)) == listed(theirs.result.get(name)), told
        assert alike(ours.result.get("observed_value"), theirs.result.get("observed_value")), told

    compare()


def alike(one: Any, other: Any) -> bool:
    """Whether two observed values are the same, but for the last bits of a float and for NaN and null."""
    if isinstance(one, dict):
        return set(one) == set(other) and all(alike(one[name], other[name]) for name in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(alike, one, other))
    if isinstance(one, int | float) and isinstance(other, int | float):
        return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-9)
    return absent(one) == absent(other) if absent(one) or absent(other) else bool(one == other)


def absent(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def listed(values: Any) -> list[str] | None:
    """Values in an order of their own, whole numbers alike whether they are floats or not."""
    return None if values is None else sorted(map(spelled, values))


def spelled(value: Any) -> str:
    if isinstance(value, dict):
        return spelled(list(value.values()))
    if isinstance(value, list | tuple):
        return str([spelled(each) for each in value])
    if absent(value):
        return "null"
    return str(float(value)) if isinstance(value, int | float) else str(value)


def test_what_is_not_compiled_is_judged_by_great_expectations(judged: Callable[..., Any]) -> None:
    rows = pa.table({"n": [1, 2, 2], "m": [1, 2, 3], "x": [0.0, 1.0, 2.0], "text": ["a", "b", "c"]})
    rising = expect("expect_column_values_to_be_increasing", column="n", strictly=True)
    only = expect(
        "expect_column_values_to_be_between",
        column="n",
        max_value=1,
        row_condition="m < 2",
        condition_parser="pandas",
    )
    one, other = judged(rows, rising, only)
    assert (one.success, one.result["unexpected_count"]) == (False, 1)
    assert other.success


def test_outcomes_are_great_expectations_result_objects(judged: Callable[..., Any]) -> None:
    rows = pa.table({"n": [1, None, 5], "m": [1, 2, 3], "x": [0.0, 1.0, 2.0], "text": ["a", "b", "c"]})
    outcomes = judged(
        rows,
        expect("expect_column_values_to_be_between", column="n", max_value=2, on_fail="quarantine"),
        expect("expect_column_mean_to_be_between", column="x", min_value=0),
    )
    first = validation_result(outcomes[0].to_json())
    assert type(first).__name__ == "ExpectationValidationResult"
    assert (first.success, first.result["unexpected_count"]) == (False, 1)
    assert first.expectation_config.to_domain_obj().max_value == 2
    assert first.to_json_dict() == outcomes[0].to_json()
    suite = suite_validation_result(suite_result("orders", outcomes))
    assert (suite.success, suite.statistics["successful_expectations"]) == (False, 1)
