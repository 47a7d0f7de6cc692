"""Expectations of whole tables: beside other rows, other sources, the clock and the versions before."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from asof.features.expectations import (
    Expectation,
    expect,
    fresh,
    growth,
    references,
    row_count,
    stable,
    unique,
    volume,
)
from asof.features.readers import Files
from asof.features.source import Source
from asof.features.types import Int64
from asof.transforms.statistics import statistics
from asof.transforms.validation.outcomes import Outcome
from asof.transforms.validation.versions import Version

Held = Callable[..., list[Outcome]]
Table = Callable[..., pa.Table]

products = Source("products", reader=Files("products.csv"), schema={"m": Int64}, known_since="2024-01-01")


def test_values_that_are_not_in_the_other_source_break_the_reference(held: Held, table: Table) -> None:
    rows, others = table(n=[1, 2, None, 3, 3]), table(m=[1, 2, 4, None])
    [outcome] = held(rows, references("n", products, to="m"), others=others)
    assert not outcome.success
    counts = {name: outcome.result[name] for name in ("element_count", "missing_count", "unexpected_count")}
    assert counts == {"element_count": 5, "missing_count": 1, "unexpected_count": 2}
    assert outcome.result["partial_unexpected_list"] == [3]
    [outcome] = held(rows, references("n", products, to="m", mostly=0.5), others=others)
    assert outcome.success


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from([1, 2, None]), st.sampled_from(["a", "b", None])), min_size=1))
def test_rows_that_agree_are_counted(
    held: Held, table: Table, rows: list[tuple[int | None, str | None]]
) -> None:
    [outcome] = held(table(n=[n for n, _ in rows], text=[t for _, t in rows]), unique("n", "text"))
    judged = [row for row in rows if row != (None, None)]
    assert outcome.result["unexpected_count"] == sum(judged.count(row) > 1 for row in judged)
    assert outcome.success == (len(set(judged)) == len(judged))


@pytest.mark.parametrize(
    ("rule", "rows", "met"),
    [
        (row_count(low=2), 2, True),
        (row_count(high=1), 2, False),
        (growth(low=1.0), 100, True),
        (growth(low=1.0), 99, False),
        (growth(high=1.5), 151, False),
        (volume(low=0.5), 125, True),  # 25 new rows; the last two versions brought 20 and 80
        (volume(low=0.5), 124, False),
        (volume(high=2.0, versions=1), 140, True),
        (volume(high=2.0, versions=1), 141, False),
    ],
    ids=str,
)
def test_rows_beside_those_of_the_versions_before(
    held: Held, table: Table, rule: Expectation, rows: int, met: bool
) -> None:
    past = [Version(100, 1, {}), Version(80, 1, {})]
    [outcome] = held(table(n=range(rows)), rule, past=past)
    assert outcome.success is met


def test_a_table_that_was_built_anew_brought_all_of_its_rows(held: Held, table: Table) -> None:
    past = [Version(100, 2, {}), Version(80, 1, {})]
    [outcome] = held(table(n=range(90)), volume(low=0.9), past=past)
    assert outcome.result["observed_value"] == pytest.approx(90 / 90)


@pytest.mark.parametrize(
    "rule", [growth(low=1), volume(low=1), stable("n", psi=0.1), fresh("1d", against="last")]
)
def test_without_a_version_before_there_is_nothing_to_be_held_against(
    held: Held, table: Table, rule: Expectation
) -> None:
    [outcome] = held(table(n=[1], at=[datetime(2020, 1, 1, tzinfo=UTC)]), rule)
    assert (outcome.success, outcome.result) == (True, {"observed_value": None})


@pytest.mark.parametrize(("hours", "met"), [(1, True), (24, True), (25, False)])
def test_the_latest_event_is_not_too_old(
    held: Held, table: Table, now: datetime, hours: int, met: bool
) -> None:
    rows = table(at=[now - timedelta(hours=hours), now - timedelta(days=90)])
    [outcome] = held(rows, fresh("1d"))
    assert outcome.success is met
    assert outcome.result["observed_value"] == str(now - timedelta(hours=hours))


@pytest.mark.parametrize(("days", "met"), [(1, True), (2, False)])
def test_there_is_no_gap_after_the_version_before(
    held: Held, table: Table, now: datetime, days: int, met: bool
) -> None:
    before = table(at=[now])
    past = [Version(1, 1, statistics(before))]
    [outcome] = held(table(at=[now, now + timedelta(days=days)]), fresh("36h", against="last"), past=past)
    assert outcome.success is met


def test_a_table_without_rows_is_not_fresh(held: Held, table: Table) -> None:
    assert [outcome.success for outcome in held(table(n=[]), fresh("1d"))] == [False]


def shifted(by: float, size: int = 5_000) -> list[float]:
    return (np.random.default_rng(3).normal(0, 1, size) + by).tolist()


@pytest.mark.parametrize(("by", "met"), [(0.0, True), (0.1, True), (1.0, False)])
@pytest.mark.parametrize("anew", [False, True])
def test_new_numbers_are_distributed_as_those_before(
    held: Held, table: Table, by: float, met: bool, anew: bool
) -> None:
    old = shifted(0, 50_000)
    new = shifted(by) if anew else [*old, *shifted(by)]
    past = [Version(len(old), 0 if anew else 1, statistics(table(x=old)))]
    psi, ks = held(table(x=new), stable("x", psi=0.2), stable("x", ks=0.2), past=past)
    assert (psi.success, ks.success) == (met, met)


@pytest.mark.parametrize(("share", "met"), [(0.5, True), (0.9, False)])
def test_new_texts_are_distributed_as_those_before(held: Held, table: Table, share: float, met: bool) -> None:
    old = ["a", "b"] * 1_000
    new = ["a"] * round(1_000 * share) + ["b"] * round(1_000 * (1 - share))
    past = [Version(len(old), 1, statistics(table(text=old)))]
    [outcome] = held(table(text=[*old, *new]), stable("text", psi=0.2), past=past)
    assert outcome.success is met


def test_a_few_new_values_are_chance(held: Held, table: Table) -> None:
    old = shifted(0)
    past = [Version(len(old), 1, statistics(table(x=old)))]
    [outcome] = held(table(x=[*old, *[50.0] * 99]), stable("x", psi=0.01), past=past)
    assert (outcome.success, outcome.result["observed_value"]) == (True, None)
    [outcome] = held(table(x=[*old, *[50.0] * 100]), stable("x", psi=0.01), past=past)
    assert not outcome.success


def test_the_index_is_that_of_the_formula(held: Held, table: Table) -> None:
    old, new = ["a"] * 600 + ["b"] * 400, ["a"] * 300 + ["b"] * 700
    past = [Version(len(old), 0, statistics(table(text=old)))]
    [outcome] = held(table(text=new), stable("text", psi=0.2), past=past)
    expected = (0.3 - 0.6) * np.log(0.3 / 0.6) + (0.7 - 0.4) * np.log(0.7 / 0.4)
    assert outcome.result["observed_value"]["psi"] == pytest.approx(expected)


def test_times_and_dates_are_held_against_text(held: Held, table: Table, now: datetime) -> None:
    rows = table(at=[now, now - timedelta(days=30)], day=[now.date(), None])
    outcomes: list[Outcome] = held(
        rows,
        expect("expect_column_max_to_be_between", column="at", max_value="2024-06-01"),
        expect("expect_column_max_to_be_between", column="at", max_value="2024-05-31T23:59:59"),
        expect("expect_column_min_to_be_between", column="day", min_value="2024-06-02"),
        expect("expect_column_values_to_be_between", column="at", min_value="2024-05-15"),
        expect("expect_column_distinct_values_to_equal_set", column="day", value_set=["2024-06-01"]),
    )
    assert [outcome.success for outcome in outcomes] == [True, False, False, False, True]


def test_what_does_not_fit_into_memory_goes_to_disk(
    held: Held, table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("asof.transforms.validation.value_counts.MEMORY", "40MB")
    rows = table(n=range(2_000_000))
    [outcome] = held(rows, unique("n"))
    assert (outcome.success, outcome.result["element_count"]) == (True, 2_000_000)


def test_no_rows_at_all(held: Held, table: Table) -> None:
    quantiles = {"quantiles": [0.5], "value_ranges": [[0, 1]]}
    outcomes = held(
        table(n=[]),
        unique("n"),
        expect("expect_column_mean_to_be_between", column="n", min_value=0),
        expect("expect_column_median_to_be_between", column="n", min_value=0),
        expect("expect_column_quantile_values_to_be_between", column="n", quantile_ranges=quantiles),
        expect("expect_column_values_to_be_null", column="n"),
    )
    assert [outcome.success for outcome in outcomes] == [True, False, False, False, True]
