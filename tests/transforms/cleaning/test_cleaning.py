from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asof.errors import DataError, DefinitionError
from asof.features.cleaning import Step, dedupe, derive, drop_where, fill, keep_where, replace, trim
from asof.features.expectations import between
from asof.features.expressions import col, sql
from asof.features.readers import Files
from asof.features.source import Source
from asof.features.types import Bool, Float64, Int8, Int16, Int64, String, Timestamp
from asof.features.types import Decimal as DecimalType
from asof.transforms.cleaning.clean import clean
from asof.transforms.cleaning.repeats import compared_columns

TIME = pa.timestamp("us", "UTC")
ROWS = pa.table(
    {
        "id": [1, 1, 2, 3],
        "n": pa.array([1, 100, None, 0], pa.int8()),
        "text": ["  a \t b ", "", None, "EIRE"],
        "price": pa.array([Decimal("1.50"), None, Decimal("2.00"), Decimal("0.00")], pa.decimal128(10, 2)),
        "gone": [False, None, False, True],
        "at": pa.array([10, 20, 30, 40], TIME),
        "seen": pa.array([11, 21, 31, 41], TIME),
        "_sequence": [0, 1, 2, 3],
    }
)


def source(*steps: Step, **given: Any) -> Source:
    schema = {
        "id": Int64,
        "n": Int8,
        "text": String,
        "price": DecimalType(10, 2),
        "gone": Bool,
        "at": Timestamp,
        "seen": Timestamp,
    }
    given.setdefault("event_time", None if "known_since" in given else "at")
    return Source("orders", reader=Files("orders.csv"), schema=schema, clean=steps, **given)


@pytest.mark.parametrize(
    ("step", "column", "expected", "changed"),
    [
        (fill("n", 7), "n", [1, 100, 7, 0], 1),
        (fill("price", 0.5), "price", [Decimal("1.50"), Decimal("0.50"), Decimal("2.00"), Decimal(0)], 1),
        (replace("text", {"EIRE": "Ireland", None: "?"}), "text", ["  a \t b ", "", "?", "Ireland"], 2),
        (replace("n", {0: None}), "n", [1, 100, None, None], 1),
        (replace("n", {}), "n", [1, 100, None, 0], 0),
        (trim("text"), "text", ["a b", None, None, "EIRE"], 2),
        (derive("rate", Float64, col("price") / col("n")), "rate", [1.5, None, None, None], 1),
        (derive("big", Int64, col("n") * 1000), "big", [1000, 100_000, None, 0], 3),
        (derive("n", Int64, col("n") + 1), "n", [2, 101, None, 1], 3),
        (derive("not_a_number", Float64, sql("cast('nan' as double)")), "not_a_number", [None] * 4, 0),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, str | int) else "",
)
def test_steps_change_values(step: Step, column: str, expected: list[object], changed: int) -> None:
    cleaned = clean(ROWS, source(step))
    assert cleaned.rows[column].to_pylist() == expected
    assert [(count.dropped, count.changed) for count in cleaned.steps] == [(0, changed)]


@pytest.mark.parametrize(
    ("step", "kept"),
    [
        (drop_where(col("n") == 0), [0, 1, 2]),
        (keep_where(col("n") > 0), [0, 1, 2]),
        (dedupe("id"), [0, 2, 3]),
        (dedupe("id", "text"), [0, 1, 2, 3]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_steps_drop_rows(step: Step, kept: list[int]) -> None:
    cleaned = clean(ROWS, source(step))
    assert cleaned.rows["_sequence"].to_pylist() == kept
    assert [(count.dropped, count.changed) for count in cleaned.steps] == [(4 - len(kept), 0)]


def test_the_order_of_steps_counts() -> None:
    first = clean(ROWS, source(fill("n", 0), drop_where(col("n") == 0)))
    last = clean(ROWS, source(drop_where(col("n") == 0), fill("n", 0)))
    assert [rows.rows.num_rows for rows in (first, last)] == [2, 3]
    assert [count.step for count in first.steps] == ["fill('n', 0)", "drop_where((n = 0))"]


def test_a_dropped_row_can_not_fail_a_later_step() -> None:
    steps = [drop_where(sql("text is null or not regexp_full_match(text, '[0-9]+')"))]
    steps.append(derive("number", Int64, sql("cast(text as bigint)")))
    assert clean(ROWS, source(*steps)).rows.num_rows == 0


def test_types_and_columns_are_as_declared() -> None:
    cleaned = clean(ROWS, source(fill("n", 1), derive("twice", Int16, col("n") + col("n")), created="seen"))
    small = clean(ROWS.slice(0, 0), source(derive("twice", Int8, col("n") + 1)))
    assert cleaned.rows.schema.field("twice").type == pa.int16()
    assert cleaned.rows.column_names[-4:] == ["twice", "_sequence", "_event_time", "_known_from"]
    assert small.rows.schema.field("n").type == pa.int8()


def test_dedupe_knows_the_rows_before() -> None:
    earlier = pa.table({"id": pa.array([2], pa.int64()), "_sequence": [-1]})
    assert clean(ROWS, source(dedupe("id")), earlier=earlier).rows["_sequence"].to_pylist() == [0, 3]
    assert compared_columns(source(dedupe("text", "id"))) == ("text", "id", "_sequence")
    assert compared_columns(source(trim("text"))) == ()


def test_nulls_agree_in_dedupe() -> None:
    assert clean(ROWS, source(dedupe("gone"))).rows["_sequence"].to_pylist() == [0, 1, 3]


def test_rows_without_times_are_rejected() -> None:
    rows = ROWS.set_column(5, "at", pa.array([None, 20, 30, 40], TIME))
    rows = rows.set_column(6, "seen", pa.array([None, None, 31, 41], TIME))
    cleaned = clean(rows, source(created="seen"))
    assert cleaned.rows["_sequence"].to_pylist() == [2, 3]
    assert [(row["_sequence"], row["reason"]) for row in cleaned.rejected.to_pylist()] == [
        (0, "at: event time missing"),
        (1, "seen: created time missing"),
    ]


def test_known_since_is_the_event_time_of_all() -> None:
    cleaned = clean(ROWS, source(known_since="2020-01-01"))
    assert cleaned.rows["_event_time"].to_pylist() == [datetime(2020, 1, 1, tzinfo=UTC)] * 4
    assert "_known_from" not in cleaned.rows.column_names


def test_retractions_survive() -> None:
    rows = ROWS.set_column(5, "at", pa.array([10, 20, 30, None], TIME))
    steps = [drop_where(col("n") == 0), dedupe("id")]
    rules = [between("id", 1, 2)]
    tied = source(*steps, created="seen", identity=["id"], retracted="gone", expect=rules)
    cleaned = clean(rows, tied)
    assert cleaned.rows["_sequence"].to_pylist() == [0, 2, 3]
    assert cleaned.rows["_event_time"].cast(pa.int64()).to_pylist() == [10, 30, 41]


def test_rows_come_back_in_sequence() -> None:
    assert clean(ROWS.take([3, 0, 2, 1]), source()).rows["_sequence"].to_pylist() == [0, 1, 2, 3]


def test_raw_content_is_the_ingested_row() -> None:
    rules = [between("n", 50, on_fail="quarantine")]
    [row, *_] = clean(ROWS, source(replace("n", {1: 2}), expect=rules)).rejected.to_pylist()
    assert '"n":1,' in row["raw"]
    assert "got 2" in row["reason"]


def test_a_step_that_fails_is_named() -> None:
    with pytest.raises(DataError, match=r"'orders': derive\('x', Int64, .*\) fails on a row"):
        clean(ROWS, source(trim("text"), derive("x", Int64, sql("cast(text as bigint)"))))
    with pytest.raises(DefinitionError, match=r"derive\('x', .*can't be computed"):
        clean(ROWS.slice(0, 0), source(derive("x", Int64, sql("text + 1"))))
    with pytest.raises(DataError, match="column 'n': Integer value 200"):
        clean(ROWS, source(derive("n", Int8, col("id") * 100)))


@given(
    values=st.lists(
        st.tuples(st.integers(0, 3), st.none() | st.integers(0, 5), st.none() | st.integers(0, 9)),
        max_size=20,
    ),
    cut=st.integers(0, 20),
)
def test_batches_do_not_matter_and_every_row_is_accounted_for(
    values: list[tuple[int, int | None, int | None]], cut: int
) -> None:
    rows = pa.table(
        {
            "id": pa.array([key for key, _, _ in values], pa.int64()),
            "n": pa.array([n for _, n, _ in values], pa.int8()),
            "text": pa.nulls(len(values), pa.string()),
            "price": pa.nulls(len(values), pa.decimal128(10, 2)),
            "gone": pa.nulls(len(values), pa.bool_()),
            "at": pa.array([at for _, _, at in values], TIME),
            "seen": pa.nulls(len(values), TIME),
            "_sequence": pa.array(range(len(values)), pa.int64()),
        }
    )
    steps = [drop_where(col("n") == 0), dedupe("id"), fill("n", 1)]
    declared = source(*steps, expect=[between("n", 1, 3, on_fail="quarantine")])
    whole = clean(rows, declared)
    first = clean(rows.slice(0, cut), declared)
    rest = clean(rows.slice(cut), declared, earlier=first.rows.select(list(compared_columns(declared))))
    assert pa.concat_tables([first.rows, rest.rows]).equals(whole.rows)
    dropped = sum(step.dropped for step in whole.steps)
    assert whole.rows.num_rows + whole.rejected.num_rows + dropped == len(values)
