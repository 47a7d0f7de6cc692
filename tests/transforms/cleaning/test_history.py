"""Nulls filled from other rows: the previous value of the key, as a slow search over all rows finds it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asof.features.cleaning import derive, drop_where, fill_previous
from asof.features.expressions import col
from asof.features.types import Bool, Decimal, Float64, Int64, String, Timestamp
from asof.transforms.cleaning.clean import Cleaned

Clean = Callable[..., Cleaned]
Row = tuple[str | None, int | None, int, int, bool]

ROWS = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", None]),
        st.none() | st.integers(0, 9),
        st.integers(0, 4),
        st.integers(0, 4),
        st.booleans(),
    ),
    max_size=12,
)


def columns(rows: list[Row]) -> dict[str, Any]:
    key, value, at, seen, gone = zip(*rows, strict=True) if rows else ((), (), (), (), ())
    return {
        "key": (String, key),
        "value": (Int64, value),
        "at": (Timestamp, at),
        "seen": (Timestamp, seen),
        "gone": (Bool, gone),
    }


def previous(rows: list[Row], number: int, *, created: bool) -> int | None:
    """The oracle: of all earlier rows of the key with a value, known when the row was, the last."""
    key, value, at, seen, _ = rows[number]
    if value is not None or key is None:
        return value
    own = (at, seen if created else 0, number)
    before = [
        ((e, c if created else 0, i), v)
        for i, (k, v, e, c, _) in enumerate(rows)
        if k == key and v is not None and (c <= seen or not created)
    ]
    return max((found for found in before if found[0] < own), default=(own, None))[1]


@given(rows=ROWS, created=st.booleans())
def test_the_previous_value_of_the_key(cleaned: Clean, rows: list[Row], created: bool) -> None:
    times = {"event_time": "at"} | ({"created": "seen"} if created else {})
    made = cleaned(columns(rows), fill_previous("value", by=["key"]), **times)
    expected = [previous(rows, number, created=created) for number in range(len(rows))]
    assert made.rows["value"].to_pylist() == expected
    [count] = made.steps
    assert count.unfilled == expected.count(None)
    assert count.changed == sum(value is None for _, value, *_ in rows) - count.unfilled


def test_steps_before_it_count_and_steps_after_it_see_what_was_filled(cleaned: Clean) -> None:
    rows: list[Row] = [("a", 7, 0, 0, False), ("a", 99, 1, 1, False), ("a", None, 2, 2, False)]
    steps = [
        drop_where(col("value") == 99),
        fill_previous("value", by=["key"]),
        derive("twice", Int64, col("value") * 2),
        drop_where(col("value") == 7),
    ]
    assert cleaned(columns(rows), *steps[:3], event_time="at").rows["twice"].to_pylist() == [14, 14]
    assert cleaned(columns(rows), *steps, event_time="at").rows.num_rows == 0


def test_one_fill_can_feed_another(cleaned: Clean) -> None:
    given = {
        "a": (String, ["x", None, None]),
        "k": (Int64, [1, 1, 1]),
        "n": (Float64, [1.5, None, None]),
    }
    made = cleaned(given, fill_previous("a", by=["k"]), fill_previous("n", by=["a", "k"]))
    assert made.rows["n"].to_pylist() == [1.5, 1.5, 1.5]


def test_rows_that_take_a_fact_back_neither_give_nor_get(cleaned: Clean) -> None:
    rows: list[Row] = [
        ("a", 1, 0, 0, False),
        ("a", 2, 1, 1, True),
        ("a", None, 2, 2, False),
        ("a", None, 3, 3, True),
    ]
    given = {"event_time": "at", "created": "seen", "identity": ["key"], "retracted": "gone"}
    made = cleaned(columns(rows), fill_previous("value", by=["key"]), **given)
    assert made.rows["value"].to_pylist() == [1, 2, 1, None]


@pytest.mark.parametrize("value", [Decimal(10, 2), Float64])
def test_types_stay(cleaned: Clean, value: Any) -> None:
    given = {"k": (Int64, [1, 1]), "n": (value, [1, None])}
    made = cleaned(given, fill_previous("n", by=["k"]))
    assert made.rows["n"].to_pylist() == [1, 1]
