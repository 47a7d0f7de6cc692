"""Aggregate functions: which events they are given, and what may come back."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.transforms.kernels.strategies import HOUR, VALUES, Case, cases, durations, table

from asof.errors import DataError, DefinitionError
from asof.features.aggregates import AggregateFunction
from asof.features.durations import ZERO
from asof.features.expressions import col
from asof.features.types import Float64, Int64, List, Schema, String
from asof.storage.arrow_types import type_name
from asof.testing import oracle
from asof.testing.oracle import Row
from asof.transforms.kernels.aggregate_functions import Calls
from asof.transforms.kernels.instants import NS_PER
from asof.transforms.kernels.timeline import Timeline

COLUMNS = Schema({name: type_name(type) for name, type in VALUES.items()})
INSTANT = pa.timestamp("us", "UTC")


def all_seen(events, cutoff):
    assert all(column.num_chunks == 1 for column in events.columns)
    return {
        "rows": [str(row) for row in events.to_pylist()],
        "at": cutoff.cast(pa.timestamp("ns", "UTC")).value,
    }


SEEN = {"rows": List(String), "at": Int64}


def values_of(case: Case, function: AggregateFunction, **rules: Any) -> list[list[Any]]:
    timeline = Timeline(case.label_table, case.row_table, case.keys, **rules)
    calls = Calls("FeatureView 'v'", timeline, case.label_table, case.row_table, case.keys)
    return [column.to_pylist() for column in calls.values(function.expand(COLUMNS))]


@settings(max_examples=300)
@given(
    cases(),
    st.none() | durations,
    st.just(ZERO) | durations,
    st.sampled_from([None, col("weight") > 0.0]),
    st.booleans(),
    st.sampled_from(["respect", "ignore"]),
)
def test_a_function_is_given_the_rows_that_the_rule_names(case, over, offset, where, strict, known_at):
    inputs = ["amount", "country", "price"]
    function = AggregateFunction(all_seen, inputs=inputs, outputs=SEEN, over=over, offset=offset, where=where)
    rules = {"strict": strict, "known_at": known_at}
    rows, moments = values_of(case, function, **rules)
    smallest = NS_PER[case.row_table.schema.field("_event_time").type.unit]
    for label, found, moment in zip(case.labels, rows, moments, strict=True):
        window = over.ns if over else None
        seen = oracle.covered(label, case.rows, case.keys, window=window, offset=offset.ns, **rules)
        expected = [shown(row, inputs) for row in seen if where is None or (row["weight"] or 0) > 0]
        assert found == (expected or None)
        assert moment == (label["cutoff"] // smallest * smallest if expected else None)


def shown(row: Row, inputs: list[str]) -> str:
    return str({name: row[name] for name in inputs})


def of(
    function: Callable[..., Any], outputs: Any, values: tuple[float | None, ...] = (1.0, 2.0, 4.0)
) -> list[Any]:
    """What a function makes of one customer's values, an hour apart, at the end, with others beside."""
    rows = [{"k": 1, "x": x, "_event_time": i * HOUR, "_sequence": i} for i, x in enumerate(values)]
    rows += [{"k": 2, "x": 64.0, "_event_time": 0, "_sequence": len(rows)}]
    types = {"k": pa.int64(), "x": pa.float64(), "_event_time": INSTANT, "_sequence": pa.int64()}
    row_table = table(rows, types)
    labels = table([{"k": 1, "cutoff": 10 * HOUR}], {"k": pa.int64(), "cutoff": INSTANT})
    asked = AggregateFunction(function, inputs=["x"], outputs=outputs).expand(Schema({"x": Float64}))
    calls = Calls("FeatureView 'v'", Timeline(labels, row_table, ["k"]), labels, row_table, ["k"])
    return [column[0].as_py() for column in calls.values(asked)]


def greatest(events):
    return pc.max(events["x"])


def both(events):
    return {"last": events["x"][-1], "count": events.num_rows}


def test_one_value_or_several():
    assert of(greatest, Float64) == [4.0]
    assert of(both, {"count": Int64, "last": Float64}) == [3, 4.0]


CALLED: list[int] = []


def counted(events):
    CALLED.append(events.num_rows)
    return {"a": 1, "b": math.nan}


def test_it_is_called_once_for_all_its_outputs():
    CALLED.clear()
    assert of(counted, {"a": Int64, "b": Float64}) == [1, None]
    assert CALLED == [3]


HELD: list[Any] = []


def held(events):
    return HELD[0]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (1, "returned a int, expected a mapping with a, b, for k 1 at the cut-off 1970-01-01 10:00:00"),
        ({"a": 1}, "returned no 'b', only a"),
        ({"a": 1, "b": 2, "bb": 3}, "returned 'bb' that outputs does not have .did you mean 'b'"),
        ({"a": 1, "b": "x"}, "returned 'x' as 'b', declared is Int64"),
    ],
)
def test_what_is_returned_has_the_declared_outputs(value, words):
    HELD[:] = [value]
    with pytest.raises(DefinitionError, match=words):
        of(held, {"a": Int64, "b": Int64})


def test_one_value_has_the_declared_type():
    HELD[:] = ["x"]
    with pytest.raises(DefinitionError, match=r"'held' returned 'x' as 'held', declared is Int64, for k 1"):
        of(held, Int64)


def failing(events):
    raise ValueError(f"{events.num_rows} are too many")


def test_an_error_names_the_entity_and_the_cut_off():
    with pytest.raises(
        DataError,
        match=r"FeatureView 'v': 'failing' fails for k 1 at the cut-off 1970-01-01 10:00:00.*: "
        r"ValueError: 3 are too many \(test_aggregate_functions.py:\d+\)",
    ):
        of(failing, Float64)


def test_of_nothing_it_is_not_called():
    assert of(failing, {"a": Int64, "b": String}, ()) == [None, None]
