"""Running a team's functions: what they are given, what they may return, and which row they fail on."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import narwhals as nw
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asof.errors import DataError, DefinitionError
from asof.features.cleaning import derive as derive_step
from asof.features.entity import Entity
from asof.features.expressions import col
from asof.features.on_demand import OnDemandFeatureView
from asof.features.readers import Files
from asof.features.source import Source
from asof.features.transform import Transform
from asof.features.types import Float64, Int64
from asof.features.view import FeatureView
from asof.transforms.python_transforms import ROWS_AT_A_TIME, apply_transform
from asof.transforms.transform_checks import check_on_demand, check_view_transform
from asof.transforms.view_rows import derive

CUSTOMER = Entity("customer", keys={"customer_id": Int64})
PEOPLE = Source(
    "people",
    reader=Files("people.csv"),
    schema={"customer_id": Int64, "x": Float64, "name": "string", "at": "timestamp"},
    event_time="at",
)


def doubled(rows):
    return pa.table({"y": pc.multiply(rows["x"], 2.0)})


def doubled_frame(rows):
    return rows.select(y=nw.col("x") * 2)


def as_it_is(rows):
    return rows


def strict(rows):
    for value in rows["x"].to_pylist():
        if value is not None and value < 0:
            raise ValueError(f"{value} is below zero")
    return doubled(rows)


def transform(function: Callable[[Any], Any], outputs: Any = None, **given: Any) -> Transform:
    return Transform(function, outputs=outputs or {"y": Float64}, **given)


def people(x: list[float | None], start: int = 100) -> pa.Table:
    """Rows as they lie in a clean table."""
    count = len(x)
    return pa.table(
        {
            "customer_id": pa.array(range(count), pa.int64()),
            "x": pa.array(x, pa.float64()),
            "name": pa.array(["a"] * count, pa.string()),
            "at": pa.array([0] * count, pa.timestamp("us", "UTC")),
            "_event_time": pa.array([0] * count, pa.timestamp("us", "UTC")),
            "_sequence": pa.array(range(start, start + count), pa.int64()),
        }
    )


def view(of: Transform, **given: Any) -> FeatureView:
    names = list(of.outputs)
    return FeatureView("person", entity=CUSTOMER, source=PEOPLE, features=names, transform=of, **given)


@pytest.mark.parametrize("of", [transform(doubled), transform(doubled_frame, frame="narwhals")])
def test_outputs_row_for_row_with_nan_as_null(of: Transform) -> None:
    rows = pa.table({"x": [1.0, None, float("nan"), -2.5]})
    assert apply_transform(of, rows, "here") == pa.table({"y": [2.0, None, None, -5.0]})


def test_without_rows_it_is_not_called() -> None:
    def never(rows):
        raise AssertionError

    assert (
        apply_transform(transform(never), pa.table({"x": pa.array([], pa.float64())}), "here").num_rows == 0
    )


def test_only_the_inputs_are_given() -> None:
    of = transform(as_it_is, {"x": Float64}, inputs=["x"])
    assert apply_transform(of, people([1.0]), "here") == pa.table({"x": [1.0]})
    with pytest.raises(DefinitionError, match="returned a column 'customer_id' that outputs does not have"):
        apply_transform(transform(as_it_is, {"x": Float64}), people([1.0]), "here")


def test_layouts_are_made_plain_and_columns_put_in_order() -> None:
    def layouts(rows):
        return pa.table(
            {
                "b": pa.array(["a", None]).dictionary_encode(),
                "n": pa.nulls(2),
                "a": pa.array(["a", "b"], pa.large_string()),
                "t": pa.array([0, 1], pa.timestamp("s", "Europe/Paris")),
            }
        )

    of = transform(layouts, {"a": "string", "b": "string", "n": "decimal(5,2)", "t": "timestamp"})
    assert apply_transform(of, pa.table({"x": [1, 2]}), "here") == pa.table(
        {
            "a": pa.array(["a", "b"]),
            "b": pa.array(["a", None]),
            "n": pa.nulls(2, pa.decimal128(5, 2)),
            "t": pa.array([0, 1_000_000], pa.timestamp("us", "UTC")),
        }
    )


WRONG: dict[str, tuple[Callable[[Any], Any], list[str]]] = {
    "another type": (
        lambda rows: pa.table({"y": pa.array([1] * len(rows))}),
        ["'y' as int64", "double", "cast it"],
    ),
    "a time without a zone": (
        lambda rows: pa.table({"y": pa.array([1] * len(rows), pa.timestamp("us"))}),
        ["'y' as timestamp[us]"],
    ),
    "a column less": (lambda rows: pa.table({"z": rows["x"]}), ["a column 'z'", "allowed: y"]),
    "a column more": (
        lambda rows: doubled(rows).append_column("yy", rows["x"]),
        ["'yy'", "did you mean 'y'"],
    ),
    "one column twice": (lambda rows: doubled(rows).append_column("y", rows["x"]), ["two columns 'y'"]),
    "fewer rows": (lambda rows: doubled(rows).slice(1), ["returned", "rows for", "one for each"]),
    "no table": (lambda rows: {"y": rows["x"]}, ["returned a dict, expected a pyarrow.Table"]),
    "nothing": (lambda rows: None, ["returned a NoneType"]),
}


@pytest.mark.parametrize(("function", "words"), WRONG.values(), ids=WRONG)
def test_what_is_not_as_declared(function: Callable[[Any], Any], words: list[str]) -> None:
    def person(rows):
        return function(rows)

    with pytest.raises(DefinitionError) as error:
        apply_transform(transform(person), people([1.0, 2.0]).select(["x"]), "FeatureView 'v'")
    for word in ["FeatureView 'v': 'person'", *words]:
        assert word in str(error.value)


@given(count=st.integers(1, 300), data=st.data())
def test_the_row_it_fails_on_is_found(count: int, data: st.DataObject) -> None:
    bad = sorted(data.draw(st.sets(st.integers(0, count - 1), min_size=1, max_size=3)))
    x = [-1.0 if row in bad else 1.0 for row in range(count)]
    with pytest.raises(DataError) as error:
        derive(people(x), view(transform(strict)))
    assert "FeatureView 'person': 'strict' fails on the row with " in str(error.value)
    assert f"_sequence {100 + bad[0]}, customer_id {bad[0]}: ValueError: -1.0 is below zero" in str(
        error.value
    )
    assert "(test_python_transforms.py:" in str(error.value)
    assert isinstance(error.value.__cause__, ValueError)


def test_the_row_is_found_far_behind() -> None:
    x = [1.0] * (ROWS_AT_A_TIME + 5)
    x[ROWS_AT_A_TIME + 3] = -1.0

    def strict(rows):
        if (pc.min(rows["x"]).as_py() or 0) < 0:
            raise OSError
        return doubled(rows)

    with pytest.raises(DataError, match=f"fails on row {ROWS_AT_A_TIME + 3}: OSError"):
        apply_transform(transform(strict), pa.table({"x": x}), "here")


def test_a_failure_of_no_single_row() -> None:
    def few(rows):
        if len(rows) > 1:
            raise MemoryError("too many")
        return doubled(rows)

    with pytest.raises(DataError, match="'few' fails: MemoryError: too many"):
        apply_transform(transform(few), people([1.0, 2.0]), "here")


def test_a_view_computes_after_its_sql_and_may_replace_a_column() -> None:
    def person(rows):
        return pa.table({"x": pc.add(rows["x"], rows["more"])})

    of = view(transform(person, {"x": Float64}), derive=[derive_step("more", Float64, col("x") * 10)])
    assert derive(people([1.0, 2.0]), of)["x"].to_pylist() == [11.0, 22.0]


NOT_ROW_WISE: dict[str, Callable[[Any], Any]] = {
    "mean": lambda rows: pc.subtract(rows["x"], pc.mean(rows["x"])),
    "running sum": lambda rows: pc.cumulative_sum(rows["x"]),
    "sorted": lambda rows: rows["x"].take(pc.sort_indices(rows["x"], sort_keys=[("", "descending")])),
    "later row": lambda rows: pa.chunked_array(
        [rows["x"].slice(1).combine_chunks(), pa.nulls(min(len(rows), 1), pa.float64())]
    ),
    "chance": lambda rows: pc.random(len(rows)),
}


@pytest.mark.parametrize("function", NOT_ROW_WISE.values(), ids=NOT_ROW_WISE)
@pytest.mark.parametrize("clean", [people([1.0, 2.0, 5.0]), None], ids=["rows", "made rows"])
def test_what_looks_at_other_rows_is_refused(function: Callable[[Any], Any], clean: pa.Table | None) -> None:
    def person(rows):
        return pa.table({"y": function(rows)})

    with pytest.raises(DefinitionError, match=r"'person' gives another 'y' for .* with that row alone"):
        check_view_transform(view(transform(person)), {}, clean)


@pytest.mark.parametrize("clean", [people([1.0, None, -0.0]), people([]), None])
@pytest.mark.parametrize("of", [transform(doubled), transform(doubled_frame, frame="narwhals")])
def test_what_is_row_wise_passes(clean: pa.Table | None, of: Transform) -> None:
    check_view_transform(view(of), {}, clean)


def test_a_sample_tells_the_row() -> None:
    with pytest.raises(DataError, match="_sequence 101, customer_id 1: ValueError"):
        check_view_transform(view(transform(strict)), {}, people([1.0, -1.0]))


def test_it_is_tried_without_rows() -> None:
    def first(rows):
        return pa.table({"y": pa.array([rows["x"][0].as_py()] * len(rows), pa.float64())})

    with pytest.raises(DefinitionError, match="'first' fails on a table without rows: IndexError"):
        check_view_transform(view(transform(first)), {}, None)


def test_made_rows_need_not_be_taken() -> None:
    def picky(rows):
        if len(rows):
            raise ValueError
        return doubled(rows)

    check_view_transform(view(transform(picky)), {}, None)


def test_what_other_views_add_is_null_in_a_sample() -> None:
    seen = []

    def person(rows):
        seen.extend(rows["other__name"].to_pylist())
        return doubled(rows)

    other = FeatureView("other", entity=CUSTOMER, source=PEOPLE, features=["name"])
    check_view_transform(view(transform(person), enrich=[other]), {}, people([1.0]))
    assert set(seen) == {None}


def test_an_on_demand_view_is_tried_too() -> None:
    def share(rows):
        return pa.table({"y": pc.divide(rows["amount"].cast(pa.float64()), float(max(len(rows), 1)))})

    of = OnDemandFeatureView("basket", request={"amount": "decimal(10,2)"}, transform=transform(share))
    with pytest.raises(
        DefinitionError, match="OnDemandFeatureView 'basket': 'share' gives another 'y' for row"
    ):
        check_on_demand(of, {})


def test_decimals_stay_exact() -> None:
    def person(rows):
        return pa.table({"y": pc.add(rows["d"], rows["d"]).cast(pa.decimal128(6, 2))})

    rows = pa.table({"d": pa.array([Decimal("0.10"), None], pa.decimal128(5, 2))})
    assert apply_transform(transform(person, {"y": "decimal(6,2)"}), rows, "")["y"].to_pylist() == [
        Decimal("0.20"),
        None,
    ]
