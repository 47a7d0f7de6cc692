"""Samples that are taken part by part, and values that are compared."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asof.transforms.leaks.changed import changed
from asof.transforms.leaks.drawn import LOT, drawn, merged
from asof.transforms.leaks.evidence import CELLS, ROWS, evidence_of, sample_rows, together
from asof.transforms.leaks.seen import ALWAYS, Arrivals, Arrived, Until


@given(
    st.lists(st.lists(st.integers(0, 50), max_size=30), min_size=1, max_size=5),
    st.integers(1, 40),
)
def test_the_lowest_lots_of_parts_are_those_of_the_whole(parts: list[list[int]], most: int) -> None:
    def of(lots: list[int], most: int) -> object:
        rows = pa.table({"x": pa.array(lots, pa.int64())})
        return drawn(rows, np.array(lots, np.uint64), most)

    found = merged([of(part, most) for part in parts], most)  # type: ignore[misc]
    every = sorted(lot for part in parts for lot in part)
    kept = sorted(found.rows["x"].to_pylist())
    assert len(kept) <= most
    assert kept == every[: len(kept)]
    assert kept == sorted(found.lots.tolist())
    assert len(kept) == len(every) or every[len(kept)] not in kept
    if len(every) <= most:
        assert kept == every


def rows_of(entities: range, test: bool) -> pa.Table:
    at = datetime(2024, 1, 1, tzinfo=UTC)
    return pa.table(
        {
            "id": list(entities),
            "cutoff": pa.array([at] * len(entities), pa.timestamp("us", "UTC")),
            "v__x": [float(each) for each in entities],
            "split": ["test" if test else "train"] * len(entities),
        }
    )


def test_evidence_of_parts_is_that_of_the_whole() -> None:
    pieces = [rows_of(range(start, start + 9_000), start % 2 == 0) for start in range(0, 45_000, 9_000)]
    parts = [evidence_of(piece, ["id"], ["v__x"], vectors=True, parts=len(pieces)) for piece in pieces]
    found = together(parts)
    whole = evidence_of(pa.concat_tables(pieces), ["id"], ["v__x"], vectors=True)
    assert found.rows == whole.rows == 45_000
    assert set(found.sample.rows["id"].to_pylist()) <= set(whole.sample.rows["id"].to_pylist())
    assert ROWS * 0.8 < found.sample.rows.num_rows <= ROWS == whole.sample.rows.num_rows
    assert found.places is not None
    assert found.places.rows.num_rows == 45_000
    assert found.vectors is not None


def test_wide_training_sets_have_a_smaller_sample() -> None:
    assert sample_rows(10) == ROWS
    assert sample_rows(4_000) == CELLS // 4_000 < ROWS


def test_rows_that_are_not_split_have_no_places() -> None:
    evidence = evidence_of(rows_of(range(5), False).drop_columns(["split"]), ["id"], ["v__x"], vectors=True)
    assert evidence.places is evidence.vectors is None
    assert LOT in evidence.sample.rows.column_names


VALUES = {
    pa.float64(): st.one_of(st.none(), st.sampled_from([0.0, -0.0, 1.5, 2.5])),
    pa.string(): st.one_of(st.none(), st.sampled_from(["", "a", "b"])),
    pa.list_(pa.int64()): st.one_of(st.none(), st.lists(st.integers(0, 1), max_size=2)),
    pa.timestamp("us", "UTC"): st.one_of(st.none(), st.integers(0, 2)),
}


@pytest.mark.parametrize("kind", VALUES, ids=str)
@given(st.data())
def test_changed_values_are_those_that_differ(kind: pa.DataType, data: st.DataObject) -> None:
    pairs = data.draw(st.lists(st.tuples(VALUES[kind], VALUES[kind]), min_size=1))
    one, other = (pa.table({"x": pa.array(list(each), kind)}) for each in zip(*pairs, strict=True))
    found = changed(one, other, ["x"])
    expected = [before != after for before, after in pairs]
    assert found["x"].tolist() == expected if any(expected) else found == {}


def test_until_takes_away_what_came_after() -> None:
    def times(*values: int | None) -> pa.Array:
        return pa.array(values, pa.int64()).cast(pa.timestamp("us", "UTC"))

    rows = pa.table(
        {
            "_event_time": times(1, 2, 3, 9),
            "_known_from": times(1, 8, 4, 9),
            "_known_until": times(5, None, 6, None),
        }
    )
    seen = Until(5_000)(rows, "any")
    assert seen["_event_time"].cast(pa.int64()).to_pylist() == [1, 3]
    assert seen["_known_until"].cast(pa.int64()).to_pylist() == [5, None]


@given(st.lists(st.integers(1, 5), min_size=1, max_size=5), st.data())
def test_rows_arrive_with_the_version_that_brought_them(sizes: list[int], data: st.DataObject) -> None:
    through = (np.cumsum(sizes) - 1).tolist()
    since = sorted(data.draw(st.lists(st.integers(0, 99), min_size=len(sizes), max_size=len(sizes))))
    expected = [moment for moment, size in zip(since, sizes, strict=True) for _ in range(size)]
    sequences = np.arange(sum(sizes) + 2)
    assert Arrivals(through, since).of(sequences).tolist() == [*expected, ALWAYS, ALWAYS]


@pytest.mark.parametrize("has_created", [True, False])
def test_what_arrived_later_is_known_later(has_created: bool) -> None:
    columns = {
        "_event_time": pa.array([1, 2, 3], pa.int64()).cast(pa.timestamp("us", "UTC")),
        "_sequence": pa.array([0, 1, 2], pa.int64()),
    }
    if has_created:
        columns["_known_from"] = pa.array([1, 9, 4], pa.int64()).cast(pa.timestamp("us", "UTC"))
    moved = Arrived({"s": Arrivals([0, 2], [ALWAYS, 5_000])})(pa.table(columns), "s")
    assert moved["_known_from"].cast(pa.int64()).to_pylist() == ([1, 9, 5] if has_created else [1, 5, 5])
    assert Arrived({})(pa.table(columns), "s") == pa.table(columns)
