"""Rows sent to buckets: none is lost, and each bucket's keep their order."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asof.storage.folder import Folder
from asof.storage.layout import NO_KEY, cut, split
from asof.storage.shuffle import Shuffle

ROWS = st.lists(st.tuples(st.integers(0, 4), st.none() | st.text(max_size=3)), max_size=40)

SCHEMA = pa.schema({"n": pa.int64(), "text": pa.string(), "list": pa.list_(pa.int64())})


@pytest.fixture(params=["path", "url"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Folder:
    there = tmp_path / "there"
    made = Folder(str(there) if request.param == "path" else there.as_uri())
    made.create()
    there.mkdir(exist_ok=True)
    return made


def numbered(count: int, first: int = 0) -> pa.Table:
    numbers = range(first, first + count)
    texts = [None if number % 7 == 0 else f"row {number}" for number in numbers]
    lists = [[number, None] for number in numbers]
    return pa.table({"n": list(numbers), "text": texts, "list": lists}, SCHEMA)


def test_each_bucket_has_its_rows_of_all_parts_in_order(folder: Folder) -> None:
    parts = [numbered(1000), numbered(0), numbered(500, first=1000)]
    shuffle = Shuffle(folder, parts[0].schema, 7)
    sent = [shuffle.write(part, np.asarray(part["n"], np.int32) % 7) for part in parts]
    everything = pa.concat_tables(parts)
    for bucket in range(7):
        wanted = [number for number in range(1500) if number % 7 == bucket]
        assert shuffle.read(sent, bucket).equals(everything.take(wanted))


def test_a_part_larger_than_what_is_moved_at_a_time(tmp_path: Path) -> None:
    numbers = np.arange(300_000)
    rows = pa.table({"n": numbers})
    shuffle = Shuffle(Folder(str(tmp_path)), rows.schema, 3)
    sent = [shuffle.write(rows, (numbers // 100_000).astype(np.int32))]
    assert len(list(tmp_path.iterdir())) == 1
    for bucket in range(3):
        assert shuffle.read(sent, bucket).equals(rows.slice(bucket * 100_000, 100_000))


def test_a_part_that_was_written_twice_counts_once(tmp_path: Path) -> None:
    rows = numbered(10)
    shuffle = Shuffle(Folder(str(tmp_path)), rows.schema, 2)
    buckets = np.zeros(10, np.int32)
    shuffle.write(rows, buckets)
    assert shuffle.read([shuffle.write(rows, buckets)], 0).equals(rows)
    assert shuffle.read([], 0).equals(rows.slice(0, 0))


def test_rows_in_no_bucket_are_left_out(tmp_path: Path) -> None:
    rows = numbered(4)
    shuffle = Shuffle(Folder(str(tmp_path)), rows.schema, 2)
    sent = [shuffle.write(rows, np.array([0, NO_KEY, 1, NO_KEY], np.int32))]
    assert [shuffle.read(sent, bucket)["n"].to_pylist() for bucket in (0, 1)] == [[0], [2]]


def test_nothing_is_left_of_a_folder(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path / "scratch"))
    folder.create()
    Shuffle(folder, numbered(1).schema, 1).write(numbered(1), np.zeros(1, np.int32))
    folder.delete()
    assert not (tmp_path / "scratch").exists()


@given(ROWS, st.integers(1, 9))
def test_splitting_is_a_stable_sort(rows: list[tuple[int, str | None]], chunk: int) -> None:
    table = pa.table({"text": pa.array([text for _, text in rows], pa.string())})
    bucket = np.array([number for number, _ in rows], np.int32) - 1
    wanted = {
        number: [text for of, (_, text) in zip(bucket, rows, strict=True) if of == number]
        for number in sorted({*bucket.tolist()})
    }
    assert {number: found["text"].to_pylist() for number, found in split(table, bucket).items()} == wanted
    pieces: dict[int, list[str | None]] = {}
    for of_buckets in cut(table, bucket, chunk):
        for number, batch in of_buckets.items():
            pieces.setdefault(number, []).extend(batch["text"].to_pylist())
    assert pieces == wanted
