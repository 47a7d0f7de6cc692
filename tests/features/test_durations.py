"""Lengths of time: every spelling reads exactly, and what is printed reads back."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asof.errors import DefinitionError
from asof.features.durations import ZERO, Duration

NS = {"w": 604_800 * 10**9, "d": 86_400 * 10**9, "h": 3_600 * 10**9, "m": 60 * 10**9}
NS |= {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
PARTS = st.lists(st.tuples(st.integers(0, 1_000), st.sampled_from(sorted(NS))), min_size=1, max_size=8)


@given(st.integers(0, 2**63 - 1))
def test_what_is_printed_reads_back(ns: int) -> None:
    assert Duration.of(str(Duration(ns))) == Duration(ns)


@given(PARTS)
def test_parts_add_up(parts: list[tuple[int, str]]) -> None:
    text = "".join(f"{count}{unit}" for count, unit in parts)
    assert Duration.of(text).ns == sum(count * NS[unit] for count, unit in parts)


@given(st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=100_000)))
def test_a_timedelta_is_exact(given: timedelta) -> None:
    assert Duration.of(given).ns == given // timedelta(microseconds=1) * 1_000


@given(st.integers(0, 2**63 - 1), st.integers(0, 2**63 - 1))
def test_order_and_hash_are_those_of_the_length(a: int, b: int) -> None:
    assert (Duration(a) < Duration(b)) is (a < b)
    assert (hash(Duration(a)) == hash(Duration(b))) or a != b


@pytest.mark.parametrize(
    ("given", "printed"),
    [("168h", "7d"), ("2w", "14d"), ("90m", "1h30m"), ("1500ms", "1s500ms"), ("0s", "0s"), ("1ns", "1ns")],
)
def test_the_shortest_spelling_is_printed(given: str, printed: str) -> None:
    assert str(Duration.of(given)) == printed
    assert repr(Duration.of(given)) == f"Duration({printed!r})"


@pytest.mark.parametrize("given", ["7x", "7", "", "d", "7 d", " 7d", "-7d", "1.5d", "7D", 7, 7.0, None, True])
def test_anything_else_is_an_error_that_says_the_units(given: object) -> None:
    with pytest.raises(DefinitionError) as error:
        Duration.of(given, "ttl")
    assert f"ttl {given!r} is not a length of time" in str(error.value)
    assert "w d h m s ms us ns" in str(error.value)
    assert "'1h30m'" in str(error.value)


@pytest.mark.parametrize("given", [timedelta(-1), "200000d", timedelta.max])
def test_a_length_is_not_negative_and_fits_64_bits(given: object) -> None:
    with pytest.raises(DefinitionError, match="must be from 0 to 106751d"):
        Duration.of(given)


@pytest.mark.parametrize("given", ["0d", timedelta(0), ZERO])
def test_where_it_must_be_positive_zero_is_an_error(given: object) -> None:
    with pytest.raises(DefinitionError, match=r"window .* must be longer than 0"):
        Duration.positive(given, "window")
