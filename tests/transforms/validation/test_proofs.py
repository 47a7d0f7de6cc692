from __future__ import annotations

import math
from collections.abc import Callable

import pyarrow as pa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from asof.features.expectations import Expectation, between, expect, not_null, one_of
from asof.transforms.statistics import statistics
from asof.transforms.validation.counts import Numbers, counted
from asof.transforms.validation.proofs import told

VALUES = st.lists(st.none() | st.integers(-4, 4), max_size=6)
RULES = st.one_of(
    st.just(not_null("n")),
    st.tuples(st.integers(-5, 0), st.integers(0, 5)).map(lambda pair: between("n", *pair)),
    st.booleans().map(
        lambda strict: expect(
            "expect_column_values_to_be_between", column="n", min_value=-2, strict_min=strict
        )
    ),
    st.lists(st.integers(-4, 4), min_size=1).map(lambda values: one_of("n", values)),
    st.lists(st.integers(-4, 4).map(str), min_size=1).map(lambda values: one_of("text", values)),
    st.just(not_null("number")),
)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=VALUES, rule=RULES)
def test_what_is_told_is_what_a_look_at_the_rows_finds(
    table: Callable[..., pa.Table], values: list[int | None], rule: Expectation
) -> None:
    texts = [None if value is None else str(value) for value in values]
    numbers = [math.nan if value == 4 else value for value in values]
    number = pa.array(numbers, pa.float64(), from_pandas=False)
    rows = table(n=values, text=texts).append_column("number", number)
    found = told(rule, statistics(rows))
    [looked] = counted(rows, [rule])
    if found is None:
        assert looked.unexpected or 4 in values
    else:
        assert found == (looked.missing, looked.unexpected)


def test_numbers_that_are_told_are_not_looked_for(table: Callable[..., pa.Table]) -> None:
    rows, rule = table(n=[1, None, None]), not_null("n")
    [count] = counted(rows, [rule], {rule: Numbers(0, 2)})
    assert count == counted(rows, [rule])[0]
    assert count.unexpected == 2


def test_what_statistics_do_not_tell_is_left_open(table: Callable[..., pa.Table]) -> None:
    many = statistics(table(n=range(1_000), text=["a"] * 999 + ["b" * 200]))
    assert told(one_of("n", range(1_000)), many) is None
    assert told(between("text", "a", "c"), many) is None
    assert told(between("n", 0, 999), many) == Numbers(0, 0)
    assert told(one_of("n", ["1"]), statistics(table(n=[1]))) is None


def test_the_first_rows_that_break_a_rule_are_found_however_far_they_are(
    table: Callable[..., pa.Table],
) -> None:
    numbers = [0] * 300_000
    for place in (5_000, 250_000, 299_999):
        numbers[place] = place
    [count] = counted(table(n=numbers), [between("n", high=0)])
    assert (count.unexpected, count.examples) == (3, (5_000, 250_000, 299_999))
    assert '"n":5000' in str(count.first)
