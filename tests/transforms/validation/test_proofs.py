from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from asof.features.expectations import Expectation, between, expect, not_null, one_of
from asof.transforms.statistics import statistics
from asof.transforms.validation.counts import Count, counted
from asof.transforms.validation.proofs import proven

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
)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=VALUES, rule=RULES)
def test_what_is_proven_is_what_a_look_at_the_rows_finds(
    table: Callable[..., pa.Table], values: list[int | None], rule: Expectation
) -> None:
    rows = table(n=values)
    found = proven(rule, statistics(rows))
    [looked] = counted(rows, [rule])
    assert found == (looked if not looked.unexpected else None)


def test_what_statistics_do_not_tell_is_left_open(table: Callable[..., pa.Table]) -> None:
    many = statistics(table(n=range(1_000), text=["a"] * 999 + ["b" * 200]))
    assert proven(one_of("n", range(1_000)), many) is None
    assert proven(between("text", "a", "c"), many) is None
    assert proven(between("n", 0, 999), many) == Count(1_000, 0, 0)


def test_the_first_rows_that_break_a_rule_are_found_however_far_they_are(
    table: Callable[..., pa.Table],
) -> None:
    numbers = [0] * 300_000
    for place in (5_000, 250_000, 299_999):
        numbers[place] = place
    [count] = counted(table(n=numbers), [between("n", high=0)])
    assert (count.unexpected, count.examples) == (3, (5_000, 250_000, 299_999))
    assert '"n":5000' in str(count.first)
