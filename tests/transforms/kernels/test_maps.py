"""Aggregates by category: which categories a cut-off sees, with what values."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.transforms.kernels.strategies import HOUR, VALUES, Case, cases, durations, table

from asof.features.aggregates import (
    Aggregate,
    Count,
    CountDistinct,
    DaysSinceLast,
    First,
    Last,
    Max,
    Mean,
    Std,
    Sum,
    WindowFeature,
)
from asof.features.durations import ZERO
from asof.features.expressions import col
from asof.features.types import Schema
from asof.storage.arrow_types import arrow_type, type_name
from asof.testing import oracle
from asof.testing.oracle import Row
from asof.transforms.kernels.maps import maps

COLUMNS = Schema({name: type_name(type) for name, type in VALUES.items()})
OF_NUMBERS: list[type[Aggregate]] = [Sum, Mean, Std, Max, CountDistinct, First, Last, Count]


@st.composite
def features(draw: st.DrawFn) -> WindowFeature:
    given = {
        "by": draw(st.sampled_from(["country", "amount"])),
        "over": draw(st.none() | durations),
        "offset": draw(st.just(ZERO) | durations),
        "where": draw(st.sampled_from([None, col("weight") > 0.0])),
    }
    if draw(st.booleans()):
        return draw(st.sampled_from([Count, DaysSinceLast]))(**given).expand(COLUMNS)[0]
    kind, column = draw(st.sampled_from(OF_NUMBERS)), draw(st.sampled_from(["price", "weight", "amount"]))
    return kind(column, **given).expand(COLUMNS)[0]


def expected(feature: WindowFeature, label: Row, case: Case, **rules: Any) -> list[tuple[Any, Any]] | None:
    window = feature.window.ns if feature.window else None
    seen = oracle.covered(label, case.rows, case.keys, window=window, offset=feature.offset.ns, **rules)
    if feature.where is not None:
        seen = [row for row in seen if row["weight"] is not None and row["weight"] > 0]
    found = []
    for category in sorted({row[feature.by] for row in seen} - {None}):
        rows = [row for row in seen if row[feature.by] == category]
        value = oracle.aggregated(rows, feature.function, feature.column, label["cutoff"])
        if value is not None and not (value == 0 and feature.function.startswith("count")):
            found.append((category, value))
    return found or None


@settings(max_examples=400)
@given(
    cases(),
    st.lists(features(), min_size=1, max_size=4),
    st.booleans(),
    st.sampled_from(["respect", "ignore"]),
)
def test_a_map_has_the_categories_that_the_rule_names(case, asked, strict, known_at):
    rules = {"strict": strict, "known_at": known_at}
    for feature, found in zip(
        asked, maps(case.label_table, case.row_table, case.keys, asked, **rules), strict=True
    ):
        assert found.type == arrow_type(feature.dtype.name)
        assert found.to_pylist() == [expected(feature, label, case, **rules) for label in case.labels]


@pytest.mark.parametrize("by", ["k", "cutoff"])
def test_any_column_may_tell_the_categories(by):
    instant = pa.timestamp("us", "UTC")
    rows = table(
        [{"k": 1, "cutoff": 7, "_event_time": i * HOUR, "_sequence": i} for i in range(3)],
        {"k": pa.int64(), "cutoff": pa.int32(), "_event_time": instant, "_sequence": pa.int64()},
    )
    labels = table([{"k": 1, "cutoff": HOUR}], {"k": pa.int64(), "cutoff": instant})
    [feature] = Count(by=by).expand(Schema({"k": "int64", "cutoff": "int32"}))
    [found] = maps(labels, rows, ["k"], [feature], strict=False, known_at="respect")
    assert found.to_pylist() == [[({"k": 1, "cutoff": 7}[by], 2)]]
