"""Rows that agree: which of them stays, held against a slow search."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asof.features.cleaning import dedupe
from asof.features.source import Source
from asof.features.types import Float64, Int64, String, Timestamp
from asof.transforms.cleaning.clean import Cleaned, clean

Clean = Callable[..., Cleaned]
Row = tuple[str | None, float | None, int | None, int]

ROWS = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", None]),
        st.sampled_from([1.5, 2.0, None]),
        st.none() | st.integers(0, 3),
        st.integers(0, 3),
    ),
    max_size=15,
)
STEPS = [dedupe("key", "other"), dedupe("key", keep="latest"), dedupe("key", "other", keep="latest", by="n")]


def columns(rows: list[Row]) -> dict[str, Any]:
    key, other, n, at = zip(*rows, strict=True) if rows else ((), (), (), ())
    return {"key": (String, key), "other": (Float64, other), "n": (Int64, n), "at": (Timestamp, at)}


def staying(rows: list[Row], step: Any) -> list[int]:
    """The oracle: the rows that stay."""
    stay: dict[Any, int] = {}
    for number, row in enumerate(rows):
        kind = row[:2] if "other" in step.columns else row[:1]
        held = stay.setdefault(kind, number)
        if step.keep == "latest" and place(row, step) >= place(rows[held], step):
            stay[kind] = number
    return sorted(stay.values())


def place(row: Row, step: Any) -> tuple[bool, int]:
    """Where a row is in the order, null first."""
    number = row[2] if step.by else row[3]
    return number is not None, number or 0


@pytest.mark.parametrize("step", STEPS, ids=repr)
@given(rows=ROWS, cut=st.integers(0, 15))
def test_one_of_those_that_agree_stays(
    source_of: Callable[..., Source], rows_of: Callable[..., pa.Table], step: Any, rows: list[Row], cut: int
) -> None:
    source, table = source_of(columns(rows), step, event_time="at"), rows_of(columns(rows))
    whole = clean(table, source)
    assert whole.rows["_sequence"].to_pylist() == staying(rows, step)
    assert whole.steps[0].dropped == len(rows) - whole.rows.num_rows
    first = clean(table.slice(0, cut), source)
    rest = clean(table.slice(cut), source, earlier=first.rows)
    replaced = set(first.rows["_sequence"].to_pylist()) - set(whole.rows["_sequence"].to_pylist())
    assert rest.reaches_back == len(replaced)
    if not replaced:
        assert pa.concat_tables([first.rows, rest.rows]).equals(whole.rows)
