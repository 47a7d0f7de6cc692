"""What the report draws, beside the values it is drawn from; the page itself is held in tests/cli."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest

from asof.features.expectations import between, expect, row_count
from asof.transforms.statistics import statistics
from asof.transforms.validation.report.histograms import BINS, histogram, most_frequent
from asof.transforms.validation.report.page import Section, page

Table = Callable[..., pa.Table]


@pytest.mark.parametrize("shape", ["normal", "uniform", "exponential", "standard_cauchy"])
def test_a_histogram_has_the_shares_of_the_values(shape: str) -> None:
    numbers = getattr(np.random.default_rng(2), shape)(size=30_000)
    drawn = histogram(statistics(pa.table({"x": numbers}))["x"])
    assert drawn is not None
    shares = [bar.share for bar in drawn.bars]
    assert (len(shares), sum(shares) + drawn.outside) == (BINS, pytest.approx(1))
    low, high, near = numbers.min(), numbers.max(), 0.03
    if drawn.outside > 0.001:  # it goes from about the first to about the last percentile
        (low, high), near = np.quantile(numbers, [0.01, 0.99]), 0.05
    counted, _ = np.histogram(numbers, BINS, (low, high))
    assert np.abs(np.array(shares) - counted / len(numbers)).max() < near


def test_few_numbers_have_a_bar_each(table: Table) -> None:
    drawn = histogram(statistics(table(n=[3, 1, 1, None, 1]))["n"])
    assert drawn is not None
    assert [(bar.label, bar.share) for bar in drawn.bars] == [("1", 0.75), ("3", 0.25)]


def test_texts_have_their_most_frequent_values_and_the_rest(table: Table) -> None:
    texts = [letter for place, letter in enumerate("abcdefgh") for _ in range(10 - place)]
    bars = most_frequent(statistics(table(text=texts))["text"])
    assert [bar.label for bar in bars] == [*"abcdef", "all others"]
    assert sum(bar.share for bar in bars) == pytest.approx(1)


@pytest.mark.parametrize("values", [[], [None, None], [float("inf"), 1.0, 2.0], [5.0] * 100])
def test_any_column_can_be_drawn(table: Table, values: list[float | None]) -> None:
    column = statistics(table(x=values))["x"]
    drawn = histogram(column)
    assert drawn is None or sum(bar.share for bar in drawn.bars) + drawn.outside == pytest.approx(1)


def test_what_is_worst_comes_first(table: Table, held: Callable[..., list[object]]) -> None:
    rows = table(x=[1.0, 5.0, None], text=["a", "b", "<i>"])
    rules = [
        row_count(low=1),
        between("x", high=3, on_fail="warn"),
        expect("expect_column_max_to_be_between", column="x", max_value=4),
    ]
    outcomes = held(rows, *rules)
    made = datetime(2024, 6, 1, tzinfo=UTC)
    text = page("shop & co", made, [Section("orders", 3, 7, made, outcomes, statistics(rows))])  # type: ignore[arg-type]
    assert re.findall(r'<tr class="(\w+)">', text) == ["fail", "warn", "met"]
    assert "1 of 3 expectations fail" in text
    assert "shop &amp; co" in text
    assert "&lt;i&gt;" in text
