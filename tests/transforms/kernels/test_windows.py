"""P2: aggregates over windows of events."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.transforms.kernels.strategies import HOUR, VALUES, Case, cases, durations, table

from asof.errors import DataError
from asof.features.aggregates import (
    Aggregate,
    Count,
    CountDistinct,
    DaysSinceLast,
    First,
    Last,
    LastN,
    Max,
    Mean,
    Min,
    Ratio,
    Std,
    Sum,
    TopK,
    WindowFeature,
)
from asof.features.durations import ZERO
from asof.features.expressions import col
from asof.features.types import Float64, Int64, Schema
from asof.storage.arrow_types import arrow_type, type_name
from asof.testing import oracle
from asof.testing.oracle import Row
from asof.transforms.kernels.point_in_time import NO_ROW, latest
from asof.transforms.kernels.timeline import Timeline
from asof.transforms.kernels.windows import aggregate

COLUMNS = Schema({name: type_name(type) for name, type in VALUES.items()})
NUMBERS = ["amount", "price", "wealth", "weight", "share"]
LARGE = col("weight") > 0.0
AGGREGATES: list[type[Aggregate]] = [
    Count,
    CountDistinct,
    Sum,
    Mean,
    Std,
    Min,
    Max,
    First,
    Last,
    LastN,
    TopK,
    DaysSinceLast,
]


def of_any_column(aggregate: type[Aggregate]) -> st.SearchStrategy[tuple[type[Aggregate], str | None]]:
    names: list[str | None] = list(NUMBERS if aggregate in (Sum, Mean, Std) else VALUES)
    return st.tuples(
        st.just(aggregate), st.sampled_from(names + [None] * (aggregate in (Count, DaysSinceLast)))
    )


@st.composite
def features(draw: st.DrawFn) -> WindowFeature:
    kind, column = draw(st.sampled_from(AGGREGATES).flatmap(of_any_column))
    over, offset = draw(st.none() | durations), draw(st.just(ZERO) | durations)
    where = draw(st.sampled_from([None, LARGE]))
    most = (draw(st.integers(1, 4)),) if kind in (LastN, TopK) else ()
    return kind(column, *most, over=over, offset=offset, where=where).expand(COLUMNS)[0]


def expected(feature: WindowFeature, label: Row, rows: list[Row], keys: list[str], **rules: Any) -> Any:
    window = feature.window.ns if feature.window else None
    seen = oracle.covered(label, rows, keys, window=window, offset=feature.offset.ns, **rules)
    if feature.where is not None:
        seen = [row for row in seen if row["weight"] is not None and row["weight"] > 0]
    return oracle.aggregated(seen, feature.function, feature.column, label["cutoff"], feature.most)


def computed(case: Case, asked: list[WindowFeature], **rules: Any) -> list[pa.Array]:
    timeline = Timeline(case.label_table, case.row_table, case.keys, **rules)
    return aggregate(timeline, case.row_table, asked)


@settings(max_examples=500)
@given(
    cases(),
    st.lists(features(), min_size=1, max_size=5),
    st.booleans(),
    st.sampled_from(["respect", "ignore"]),
)
def test_an_aggregate_covers_the_rows_that_the_rule_names(case, asked, strict, known_at):
    rules = {"strict": strict, "known_at": known_at}
    for feature, values in zip(asked, computed(case, asked, **rules), strict=True):
        assert values.type == arrow_type(feature.dtype.name)
        assert values.to_pylist() == [
            expected(feature, label, case.rows, case.keys, **rules) for label in case.labels
        ]


awkward = st.sampled_from([1e300, -1e300, 1e-300, 1.0, -1.0, 5e-324, -5e-324, 2.0**53, 0.1, -0.0, 1e16])


@settings(max_examples=300)
@given(st.lists(st.tuples(st.integers(0, 2), awkward | st.floats(-1e306, 1e306)), max_size=100))
def test_a_sum_of_floats_is_rounded_once_whatever_else_is_there(drawn):
    rows = [{"k": k, "x": x, "_event_time": i // 3 * 1_000, "_sequence": i} for i, (k, x) in enumerate(drawn)]
    asked = [kind("x").expand(Schema({"x": Float64}))[0] for kind in (Sum, Mean)]
    together = _at_the_end(rows, asked)
    for k in range(3):
        own = [row for row in rows if row["k"] == k]
        values = [oracle.aggregated(own, feature.function, "x", 0) for feature in asked]
        assert [result[k] for result in together] == values
        assert [result[k] for result in _at_the_end(own[::-1], asked)] == values


@settings(max_examples=100)
@given(
    st.lists(st.floats(1e-100, 1e100) | st.floats(-1e100, -1e-100) | st.just(0.0), min_size=2, max_size=50)
)
def test_a_deviation_of_floats_is_that_of_exact_sums(values):
    expected = oracle.aggregated([{"x": x} for x in values], "std", "x", 0)
    assert of(values, pa.float64(), Std("x"), cutoff=100) == [expected]


def test_what_infinite_numbers_add_up_to():
    inf = float("inf")
    assert of([inf, 1.0], pa.float64(), Sum("x"), Mean("x")) == [inf, inf]
    assert of([-inf, 1.0], pa.float64(), Sum("x"), Max("x")) == [-inf, 1.0]
    assert all(math.isnan(x) for x in of([inf, -inf, 1.0], pa.float64(), Sum("x"), Std("x")))
    assert of([1e308, 1e308], pa.float64(), Sum("x")) == [inf]
    assert of([1e308, 1e308, -1e308], pa.float64(), Sum("x")) == [1e308]
    assert of([inf, 2.0, 3.0], pa.float64(), Sum("x", over="2h"), cutoff=3) == [5.0]


def _at_the_end(rows: list[Row], asked: list[WindowFeature]) -> list[list[Any]]:
    types = {
        "k": pa.int64(),
        "x": pa.float64(),
        "_event_time": pa.timestamp("us", "UTC"),
        "_sequence": pa.int64(),
    }
    labels = table(
        [{"k": k, "cutoff": 10**9} for k in range(3)], {"k": pa.int64(), "cutoff": types["_event_time"]}
    )
    row_table = table(rows, types)
    return [values.to_pylist() for values in aggregate(Timeline(labels, row_table, ["k"]), row_table, asked)]


def of(values: list[Any], type: pa.DataType, *kinds: Aggregate, cutoff: int = 10) -> list[Any]:
    """Aggregates of one customer's values, one value each hour from hour 1 on, at a cut-off in hours."""
    instant = pa.timestamp("us", "UTC")
    rows = table(
        [{"k": 1, "x": x, "_event_time": (i + 1) * HOUR, "_sequence": i} for i, x in enumerate(values)],
        {"k": pa.int64(), "x": type, "_event_time": instant, "_sequence": pa.int64()},
    )
    labels = table([{"k": 1, "cutoff": cutoff * HOUR}], {"k": pa.int64(), "cutoff": instant})
    asked = [feature for kind in kinds for feature in kind.expand(Schema({"x": type_name(type)}))]
    return [found[0].as_py() for found in aggregate(Timeline(labels, rows, ["k"]), rows, asked)]


def test_a_window_is_open_at_its_start_and_closed_at_the_cut_off():
    assert of([1, 2, 3], pa.int64(), Sum("x", over=["1h", "2h"]), cutoff=3) == [3, 5]
    assert of([1, 2, 3], pa.int64(), Sum("x", over="1h", offset="1h"), cutoff=3) == [2]


@pytest.mark.parametrize(("strict", "sums"), [(False, [12, 3, 6]), (True, [4, 3, 6])])
def test_lengths_that_end_between_two_microseconds(strict, sums):
    instant = pa.timestamp("us", "UTC")
    rows = table(
        [{"k": 1, "x": 2**i, "_event_time": (i + 1) * 1_000, "_sequence": i} for i in range(4)],
        {"k": pa.int64(), "x": pa.int64(), "_event_time": instant, "_sequence": pa.int64()},
    )
    labels = table([{"k": 1, "cutoff": 4_000}], {"k": pa.int64(), "cutoff": instant})
    kinds = [Sum("x", over="1500ns"), Sum("x", offset="1500ns"), Sum("x", over="2us", offset="500ns")]
    asked = [feature for kind in kinds for feature in kind.expand(Schema({"x": Int64}))]
    found = aggregate(Timeline(labels, rows, ["k"], strict=strict), rows, asked)
    assert [values[0].as_py() for values in found] == sums


def test_a_revision_counts_from_when_it_is_known_until_the_next():
    instant = pa.timestamp("us", "UTC")
    names = ["_event_time", "_known_from", "_known_until"]
    types = {"k": pa.int64(), "x": pa.int64(), "_sequence": pa.int64()} | dict.fromkeys(names, instant)
    revisions = [(1, 1, 3, 5), (2, 1, 5, None), (4, 2, 2, 4)]
    rows = table(
        [
            {"k": 1, "x": x, "_sequence": i, "_event_time": e * HOUR, "_known_from": since * HOUR}
            | {"_known_until": until and until * HOUR}
            for i, (x, e, since, until) in enumerate(revisions)
        ],
        types,
    )
    labels = table([{"k": 1, "cutoff": t * HOUR} for t in range(1, 7)], {"k": pa.int64(), "cutoff": instant})
    asked = [kind.expand(Schema({"x": Int64}))[0] for kind in (Sum("x"), Last("x"))]

    def found(**rules: Any) -> list[list[Any]]:
        timeline = Timeline(labels, rows, ["k"], **rules)
        return [values.to_pylist() for values in aggregate(timeline, rows, asked)]

    assert found() == [[None, 4, 5, 1, 2, 2], [None, 4, 4, 1, 2, 2]]
    assert found(known_at="ignore") == [[2] * 6, [2] * 6]


def test_a_fact_that_was_known_at_once_counts_until_it_is_taken_back():
    instant = pa.timestamp("us", "UTC")
    names = ["_event_time", "_known_from", "_known_until"]
    times = dict(zip(names, (HOUR, HOUR, 3 * HOUR), strict=True))
    types = {"k": pa.int64(), "_sequence": pa.int64()} | dict.fromkeys(names, instant)
    rows = table([{"k": 1, "_sequence": 0} | times], types)
    labels = table([{"k": 1, "cutoff": t * HOUR} for t in range(5)], {"k": pa.int64(), "cutoff": instant})
    timeline = Timeline(labels, rows, ["k"])
    [counts] = aggregate(timeline, rows, Count().expand(Schema({"k": Int64})))
    assert counts.to_pylist() == [0, 1, 1, 0, 0]
    assert latest(timeline).tolist() == [NO_ROW, 0, 0, NO_ROW, NO_ROW]


def test_aggregates_of_nothing():
    kinds = [
        Count(),
        Count("x"),
        CountDistinct("x"),
        Sum("x"),
        Mean("x"),
        Std("x"),
        Min("x"),
        Max("x"),
        First("x"),
        Last("x"),
    ]
    for values in ([], [None, None]):
        assert of(values, pa.int64(), *kinds) == [len(values), 0, 0] + [None] * 7
    assert of([], pa.int64(), DaysSinceLast(), Ratio(Count(), Count(), name="r")) == [None, None]


def test_nan_counts_as_null():
    kinds = [Count("x"), CountDistinct("x"), Sum("x"), Min("x"), Last("x")]
    assert of([2.0, float("nan")], pa.float64(), *kinds) == [1, 1, 2.0, 2.0, 2.0]


def test_negative_zero_is_zero():
    for zeros in ([0.0, -0.0], [-0.0, 0.0]):
        least, greatest, distinct = of(zeros, pa.float64(), Min("x"), Max("x"), CountDistinct("x"))
        assert (str(least), str(greatest), distinct) == ("0.0", "0.0", 1)


def test_one_value_has_no_deviation():
    assert of([5], pa.int64(), Std("x")) == [None]
    assert of([5, 5, 8], pa.int64(), Std("x")) == [pytest.approx(3**0.5)]


def test_sums_are_exact():
    cents = pa.decimal128(4, 2)
    assert of([Decimal("0.10"), Decimal("0.20")], cents, Sum("x"), Mean("x")) == [Decimal("0.30"), 0.15]
    most = 2**63 - 1
    assert of([most, most, -most], pa.int64(), Sum("x"), Mean("x")) == [most, float(most) / 3]
    assert of([-(2**63)], pa.int64(), Sum("x"), Min("x")) == [-(2**63), -(2**63)]


@pytest.mark.parametrize(
    ("value", "type"), [(2**63 - 1, pa.int64()), (Decimal("9" * 38), pa.decimal128(38, 0))]
)
def test_a_sum_that_does_not_fit_is_an_error_not_another_number(value, type):
    with pytest.raises(DataError, match=r"a sum of 'x' .* is too great to be exact"):
        of([value, value], type, Sum("x"))
    assert of([value, value], type, Mean("x")) == [float(value)]


def test_a_ratio_is_null_where_its_divisor_is_nothing_or_zero():
    spent = Ratio(Sum("x", where=col("x") > 1), Count(), name="r", over="2h")
    assert of([1, 2, 3], pa.int64(), spent, cutoff=3) == [2.5]
    assert of([1, 1, 1], pa.int64(), spent, cutoff=3) == [None]
    assert of([0, 0], pa.int64(), Ratio(Count(), Sum("x"), name="r")) == [None]
    price = pa.decimal128(6, 2)
    assert of([Decimal("0.3"), Decimal("0.1")], price, Ratio(Max("x"), Min("x"), name="r")) == [0.3 / 0.1]


@pytest.mark.parametrize("unit", ["us", "ns"])
def test_days_since_last_is_the_same_number_in_any_unit(unit):
    instant = pa.timestamp(unit, "UTC")
    rows = table(
        [{"k": 1, "_event_time": 7_000, "_sequence": 0}],
        {"k": pa.int64(), "_event_time": instant, "_sequence": pa.int64()},
    )
    labels = table([{"k": 1, "cutoff": 400 * oracle.DAY + HOUR}], {"k": pa.int64(), "cutoff": instant})
    [days] = aggregate(Timeline(labels, rows, ["k"]), rows, DaysSinceLast().expand(Schema({"k": Int64})))
    assert days.to_pylist() == [400 + (HOUR - 7_000) / oracle.DAY]


def test_features_of_no_name_in_common_may_be_asked_for_twice():
    assert of([1, 2], pa.int64(), Sum("x"), Sum("x"), Sum("x", name="again")) == [3, 3, 3]


def test_lists_start_with_the_latest_and_with_the_most_frequent():
    lists = [LastN("x", 2), LastN("x", 9), TopK("x", 2), TopK("x", 1, over="1h")]
    assert of([3, 1, 1, 3, 2], pa.int64(), *lists, cutoff=5) == [[2, 3], [2, 3, 1, 1, 3], [1, 3], [2]]
    assert of([None], pa.int64(), *lists) == [None] * 4


def test_an_aggregate_by_category_is_one_for_each():
    by = Sum("x", by="x", categories=[1, 2], over=["2h", "9h"])
    assert of([1, 2, 1, 1], pa.int64(), by, cutoff=4) == [2, None, 3, 2]


@pytest.mark.parametrize("delays", ["none", "short", "any"])
def test_a_key_with_many_rows_and_cut_offs(delays):
    """Time grows about as the rows do, for each aggregate: else this runs into the time limit."""
    many, rng = 200_000, np.random.default_rng(5)
    times, instant = np.arange(many) * 1_000, pa.timestamp("us", "UTC")
    columns = {"k": np.zeros(many, np.int64), "x": rng.normal(size=many), "_sequence": np.arange(many)}
    columns["_event_time"] = pa.array(times).cast(instant)
    if delays != "none":
        late = rng.integers(0, 5_000 if delays == "short" else many * 500, many)
        columns["_known_from"] = pa.array(times + late).cast(instant)
    rows = pa.table(columns)
    labels = pa.table({"k": columns["k"], "cutoff": pa.array(rng.permutation(times)).cast(instant)})
    kinds = [
        kind("x", over=over)
        for over in ("60s", None)
        for kind in (Count, CountDistinct, Sum, Mean, Std, Min, Max, First)
    ]
    kinds += [LastN("x", 3, over="60s"), TopK("x", 3, over="60s")]
    asked = [feature for kind in kinds for feature in kind.expand(Schema({"x": Float64}))]
    found = aggregate(Timeline(labels, rows, ["k"]), rows, asked)
    assert found[0].equals(found[1])
