"""Small files are merged by who adds others: rows, their order and versions stay as they are."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from deltalake import DeltaTable
from hypothesis import given
from hypothesis import strategies as st

from asof.errors import Conflict
from asof.storage.fingerprint import fingerprint
from asof.storage.layout import BUCKET, lay_out
from asof.storage.tables import Base, Table
from asof.storage.tables.compaction import LEVELS, MOST_FILES, last_to_merge, merged


def rows_from(first: int, count: int = 3) -> pa.Table:
    numbers = list(range(first, first + count))
    times = pa.array(numbers, pa.timestamp("ns", "UTC"))
    return pa.table({"at": times, "text": [f"row {number}" for number in numbers], "_sequence": numbers})


def appended(table: Table, on: int, rows: pa.Table, keys: list[str] | None = None) -> int:
    """The version with more rows, and what is to be merged merged, as steps do it."""
    base = table.base(on)
    return committed(base, rows, keys)


def committed(base: Base, rows: pa.Table, keys: list[str] | None = None) -> int:
    files = base.stage(rows, schema=rows.schema)
    done = [merged(base, keys, merge) for merge in base.merges]
    return base.commit(files, schema=rows.schema, replace=False, merged=done)


@pytest.fixture
def table(tmp_path: Path) -> Table:
    made = Table(str(tmp_path / "table"))
    made.create(rows_from(0).schema)
    return made


def test_many_commits_leave_few_files_with_the_rows_in_their_order(table: Table) -> None:
    version, commits = 0, 3 * MOST_FILES + 2
    for number in range(commits):
        version = appended(table, version, rows_from(3 * number))
        assert version == number + 1  # no version is made for the sake of it
        assert table.statistics(version).files <= MOST_FILES + 3
    assert table.read(version).equals(rows_from(0, 3 * commits))
    assert table.statistics(version).rows == 3 * commits
    assert table.statistics(version).files == 3 + 2
    for number in (1, MOST_FILES, MOST_FILES + 1, commits):
        assert table.read(number).equals(rows_from(0, 3 * number))


def test_a_filter_leaves_out_merged_files_too(table: Table) -> None:
    version = 0
    for number in range(MOST_FILES + 1):
        version = appended(table, version, rows_from(3 * number))
    found = table.read(version, where=pc.field("_sequence") >= 3 * MOST_FILES)
    assert found.equals(rows_from(3 * MOST_FILES))
    assert table.read(version, ["text"], pc.field("_sequence") == 4).to_pylist() == [{"text": "row 4"}]


def test_rows_of_before_a_column_was_added_are_merged_with_those_that_have_it(table: Table) -> None:
    version = 0
    for number in range(MOST_FILES // 2):
        version = appended(table, version, rows_from(3 * number))
    wider = rows_from(3 * MOST_FILES // 2).append_column("more", pa.array([1.5, None, 2.5]))
    version = appended(table, version, wider)
    for number in range(MOST_FILES // 2 + 1, MOST_FILES + 1):
        more = rows_from(3 * number).append_column("more", pa.nulls(3, pa.float64()))
        version = appended(table, version, more)
    assert table.statistics(version).files == 2
    found = table.read(version)
    assert found.drop_columns(["more"]).equals(rows_from(0, 3 * MOST_FILES + 3))
    assert [value for value in found["more"].to_pylist() if value is not None] == [1.5, 2.5]


def test_who_comes_second_has_neither_added_nor_merged(table: Table) -> None:
    version = 0
    for number in range(MOST_FILES):
        version = appended(table, version, rows_from(3 * number))
    late = table.base(version)
    assert late.merges
    first = appended(table, version, rows_from(3 * MOST_FILES))
    with pytest.raises(Conflict, match="another writer committed"):
        committed(late, rows_from(0))
    assert table.read(first).equals(rows_from(0, 3 * MOST_FILES + 3))


def test_buckets_that_are_laid_out_are_merged_sorted(tmp_path: Path) -> None:
    dice, table, everything = random.Random(3), Table(str(tmp_path / "table")), []
    version = 0
    for number in range(2 * MOST_FILES + 1):
        keys = [dice.choice([1, 2, 3, 4, None]) for _ in range(8)]
        times = pa.array([dice.randrange(50) for _ in range(8)], pa.timestamp("us", "UTC"))
        rows = pa.table(
            {
                "k": pa.array(keys, pa.int64()),
                "_event_time": times,
                "_sequence": range(8 * number, 8 * number + 8),
            }
        )
        everything.append(rows)
        laid_out = lay_out(rows, ["k"], 2)
        if not number:
            table.create(laid_out.schema, [BUCKET])
        version = appended(table, version, laid_out, ["k"])
    expected = lay_out(pa.concat_tables(everything), ["k"], 2)
    found = table.read(version)
    assert fingerprint(found) == fingerprint(expected)
    files = pa.table(DeltaTable(table.uri).get_add_actions(flatten=True)).to_pylist()
    assert max(Counter(file[f"partition.{BUCKET}"] for file in files).values()) <= MOST_FILES + 1
    largest = max(files, key=lambda file: file["num_records"])
    assert largest["num_records"] > 2 * MOST_FILES
    merged_rows = table.snapshot(version, [largest["path"]]).read()
    assert merged_rows.equals(lay_out(merged_rows, ["k"], 2).select(merged_rows.column_names))


SIZES = st.lists(st.sampled_from([1_000, LEVELS[0], LEVELS[1], LEVELS[2]]), max_size=80)


@given(SIZES)
def test_only_the_last_files_and_only_small_ones_are_merged(sizes: list[int]) -> None:
    last = last_to_merge(sizes)
    assert last == 0 or last >= MOST_FILES
    assert all(size < LEVELS[-1] for size in sizes[len(sizes) - last :])


@given(st.lists(st.integers(1_000, 3_000_000), min_size=1, max_size=400))
def test_there_are_never_many_files_however_they_come(added: list[int]) -> None:
    sizes = list[int]()
    written = 0
    for size in added:
        if last := last_to_merge(sizes):
            sizes[-last:] = [sum(sizes[-last:])]
            written += sizes[-1]
        sizes.append(size)
    assert sum(sizes) == sum(added)
    small = [size for size in sizes if size < LEVELS[-1]]
    assert len(small) <= len(LEVELS) * MOST_FILES + len(sizes) - len(small) + MOST_FILES
    assert written <= len(LEVELS) * sum(added)
