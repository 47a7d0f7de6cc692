"""Text, bounds, pieces, categories, ages and names, held against plain Python."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asof.features.cleaning import (
    Step,
    age,
    clip,
    derive,
    drop_columns,
    drop_nulls,
    lower,
    normalise,
    one_hot,
    parse_number,
    rename,
    split,
    strip_accents,
    title,
    trim,
    upper,
)
from asof.features.describe import definition_hash
from asof.features.expressions import col
from asof.features.source import Source
from asof.features.types import Date, Float64, Int8, Int64, String, Timestamp
from asof.transforms.cleaning.clean import Cleaned, clean

Clean = Callable[..., Cleaned]

WORDS = st.text(st.characters(codec="latin-1", exclude_characters="ßÿµªº\x00"), max_size=12)
TEXTS = st.lists(st.none() | WORDS, max_size=8)


@given(TEXTS)
def test_case(cleaned: Clean, texts: list[str | None]) -> None:
    for step, oracle in ((lower("x"), str.lower), (upper("x"), str.upper)):
        made = cleaned({"x": (String, texts)}, step)
        expected = [None if text is None else oracle(text) for text in texts]
        assert made.rows["x"].to_pylist() == expected
        assert made.steps[0].changed == sum(a != b for a, b in zip(texts, expected, strict=True))


def test_titles_and_accents(cleaned: Clean) -> None:
    texts = ["jean-luc o'neill", "NEW york CITY", "3rd élan", "", None]
    made = cleaned({"x": (String, texts)}, title("x"))
    assert made.rows["x"].to_pylist() == ["Jean-Luc O'neill", "New York City", "3rd Élan", "", None]
    made = cleaned({"x": (String, ["Élan Ünïcode", "plain"])}, strip_accents("x"))
    assert made.rows["x"].to_pylist() == ["Elan Unicode", "plain"]
    assert made.steps[0].changed == 1


@given(st.lists(st.none() | st.text("ab ,;", max_size=10), max_size=8), st.sampled_from([",", ", ", ";"]))
def test_pieces(cleaned: Clean, texts: list[str | None], on: str) -> None:
    made = cleaned({"x": (String, texts)}, split("x", into=["p", "q", "r"], on=on))
    for text, *pieces in zip(*(made.rows[name].to_pylist() for name in "xpqr"), strict=True):
        expected = [] if text is None else [" ".join(p.split()) or None for p in text.split(on, 2)]
        assert pieces == (expected + [None] * 3)[:3]


@given(st.lists(st.none() | st.integers(-100, 100), max_size=10), st.integers(-50, 0), st.integers(0, 50))
def test_bounds(cleaned: Clean, numbers: list[int | None], low: int, high: int) -> None:
    made = cleaned({"x": (Int8, numbers)}, clip("x", low, high))
    expected = [None if n is None else min(max(n, low), high) for n in numbers]
    assert made.rows["x"].to_pylist() == expected
    assert made.steps[0].changed == sum(a != b for a, b in zip(numbers, expected, strict=True))


def test_bounds_of_times(cleaned: Clean) -> None:
    made = cleaned({"x": (Date, [date(1800, 1, 1), date(2024, 1, 1)])}, clip("x", low="1900-01-01"))
    assert made.rows["x"].to_pylist() == [date(1900, 1, 1), date(2024, 1, 1)]


def test_categories(cleaned: Clean) -> None:
    channels = {"channel": (String, ["web", "By phone", "fax", None])}
    made = cleaned(channels, one_hot("channel", {"web": "web", "phone": "By phone"}))
    assert made.rows["channel_web"].to_pylist() == [1, 0, 0, 0]
    assert made.rows["channel_phone"].to_pylist() == [0, 1, 0, 0]
    assert made.rows.schema.field("channel_web").type == pa.int8()
    assert made.steps[0].unread == (("fax", 1),)
    made = cleaned(channels, one_hot("channel", ["web"], other="other"))
    assert made.rows["channel_other"].to_pylist() == [0, 1, 1, 0]
    assert made.steps[0].unread == ()


def whole_years(born: date, at: date) -> int | None:
    return None if born > at else at.year - born.year - ((at.month, at.day) < (born.month, born.day))


@given(st.dates(date(1900, 1, 1), date(2030, 1, 1)), st.datetimes(datetime(1950, 1, 1), datetime(2030, 1, 1)))
def test_age_is_that_at_the_event(cleaned: Clean, born: date, at: datetime) -> None:
    given = {"born": (Date, [born, None]), "at": (Timestamp, [at.replace(tzinfo=UTC)] * 2)}
    made = cleaned(given, age("born"), event_time="at")
    assert made.rows["age"].to_pylist() == [whole_years(born, at.date()), None]


def test_age_of_a_source_without_event_time(cleaned: Clean) -> None:
    made = cleaned({"born": (Date, [date(2000, 2, 29)])}, age("born", "years"), known_since="2023-02-28")
    assert made.rows["years"].to_pylist() == [22]


def test_names(cleaned: Clean) -> None:
    steps = [rename({"Order ID": "order", "n": "m"}), derive("n", Int64, col("m") + 1), drop_columns("m")]
    made = cleaned({"Order ID": (Int64, [1]), "n": (Int8, [2])}, *steps)
    assert made.rows.column_names == ["order", "n", "_sequence", "_event_time"]
    assert made.rows["n"].to_pylist() == [3]
    swapped = cleaned({"a": (Int64, [1]), "b": (String, ["x"])}, rename({"a": "b", "b": "a"}))
    assert swapped.rows.select(["b", "a"]).to_pylist() == [{"b": 1, "a": "x"}]


def test_nulls_are_dropped(cleaned: Clean) -> None:
    made = cleaned({"a": (Int64, [1, None, 3]), "b": (Int64, [1, 2, None])}, drop_nulls("a", "b"))
    assert made.rows["_sequence"].to_pylist() == [0]
    assert made.steps[0].dropped == 2


EVERYTHING: list[Step] = [
    trim("text"),
    lower("text"),
    one_hot("text", ["a", "b"]),
    split("text", into=["one", "two"], on=","),
    normalise("two", ["x", "y"]),
    parse_number("number", on_fail="quarantine"),
    clip("number", 0, 100),
    drop_nulls("one"),
    derive("more", Float64, col("number") + 1),
]


ROWS = st.tuples(st.sampled_from([" A", "b,x", "b , Z", None]), st.sampled_from(["1", "5%", "?", "-3"]))


@settings(max_examples=40)
@given(st.lists(ROWS, max_size=20), st.integers(0, 20))
def test_cuts_do_not_matter_and_every_row_is_accounted_for(
    source_of: Callable[..., Source], rows_of: Callable[..., pa.Table], rows: list[Any], cut: int
) -> None:
    text, number = zip(*rows, strict=True) if rows else ((), ())
    columns = {"text": (String, text), "number": (String, number)}
    source, table = source_of(columns, *EVERYTHING), rows_of(columns)
    whole = clean(table, source)
    parts = [clean(table.slice(0, cut), source), clean(table.slice(cut), source)]
    assert pa.concat_tables([part.rows for part in parts]).equals(whole.rows)
    assert pa.concat_tables([part.rejected for part in parts]).equals(whole.rejected)
    dropped = sum(step.dropped for step in whole.steps)
    refused = sum(step.quarantined for step in whole.steps)
    assert refused == whole.rejected.num_rows
    assert whole.rows.num_rows + refused + dropped == len(rows)


@pytest.mark.parametrize("step", EVERYTHING, ids=lambda step: type(step).__name__)
def test_a_step_is_hashable_and_equal_to_itself(step: Step) -> None:
    assert step == step
    assert hash(step) == hash(step)


def test_a_changed_argument_is_another_definition(source_of: Callable[..., Source]) -> None:
    columns = {"text": (String, []), "number": (String, [])}
    made = {definition_hash(source_of(columns, *EVERYTHING[:n])) for n in range(len(EVERYTHING) + 1)}
    assert len(made) == len(EVERYTHING) + 1
    other = [*EVERYTHING[:4], normalise("two", ["x", "z"])]
    assert definition_hash(source_of(columns, *other)) not in made
