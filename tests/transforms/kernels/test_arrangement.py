"""Rows brought into order, and keys found run by run."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from asof.transforms.kernels.arrangement import Rank, arrange
from asof.transforms.kernels.instants import read_only
from asof.transforms.kernels.key_codes import NO_KEY, KeyRuns, key_codes, key_runs

KEYS = st.sampled_from(["a", "b", "c", None])
ROWS = st.lists(st.tuples(KEYS, *[st.integers(0, 3)] * 2, st.booleans()), max_size=40)


def runs_of(keys: list[str | None]) -> KeyRuns:
    (runs,) = key_runs([pa.table({"k": pa.array(keys, pa.string())})], ["k"])
    return runs


@given(ROWS, st.booleans(), st.booleans())
def test_rows_come_key_by_key_and_in_time(rows, laid_out, some):
    if laid_out:
        rows = sorted(rows, key=lambda row: (row[0] is None, row[:3]))
    keys, times, known, wanted = map(list, zip(*rows, strict=True)) if rows else ([], [], [], [])
    codes = key_codes([pa.table({"k": pa.array(keys, pa.string())})], ["k"])[0].tolist()
    rank = Rank(*(read_only(np.array(c, np.int64)) for c in (times, known, range(len(rows)))))
    arranged = arrange(runs_of(keys), rank, np.array(wanted, bool) if some else None)

    kept = [row for row in range(len(rows)) if codes[row] != NO_KEY and (wanted[row] or not some)]
    expected = sorted(kept, key=lambda row: (codes[row], times[row], known[row], row))
    order = arranged.apply(np.arange(len(rows))).tolist()
    assert order == expected
    for code in range(len(arranged.starts) - 1):
        here = order[arranged.starts[code] : arranged.starts[code + 1]]
        assert here == [row for row in expected if codes[row] == code]


def test_rows_that_are_laid_out_stay_in_place():
    rank = Rank(*(read_only(np.arange(6)) for _ in range(3)))
    assert arrange(runs_of(list("aabccc")), rank).order is None
    assert arrange(runs_of(list("aabcca")), rank).order is not None


@given(st.lists(st.integers(0, 9), max_size=200), st.integers(1, 7))
def test_batches_that_were_appended_are_merged(times, batches):
    columns = np.array_split(np.array(times, np.int64), batches)
    appended = np.concatenate([np.sort(column) for column in columns])
    rank = Rank(read_only(appended), read_only(appended), read_only(np.arange(len(times))))
    order = arrange(runs_of(["b", *["a"] * len(times)][: len(times)]), rank).apply(np.arange(len(times)))
    assert order[1:].tolist() == (np.argsort(appended[1:], kind="stable") + 1).tolist()


def test_each_run_is_looked_up_once_whatever_the_chunks():
    keys = pa.chunked_array([["a", "a"], ["a", "b"], [], ["b", None], [None, "a"]])
    (runs,) = key_runs([pa.table({"k": keys})], ["k"])
    assert runs.starts.tolist() == [0, 3, 5, 7, 8]
    assert runs.codes.tolist() == [0, 1, NO_KEY, 0]
    assert runs.of_rows.tolist() == [0, 0, 0, 1, 1, NO_KEY, NO_KEY, 0]
    assert not runs.apart


def test_a_run_of_two_keys_ends_where_either_changes():
    table = pa.table({"k": ["a", "a", "a", "b"], "n": pa.array([1, 1, 2, 2], pa.int8())})
    other = pa.table({"n": pa.array([2, 1, None]), "k": pa.array(["b", "b", "a"], pa.large_string())})
    of_rows, of_others = key_runs([table, other], ["k", "n"])
    assert of_rows.starts.tolist() == [0, 2, 3, 4]
    assert of_rows.apart
    assert of_others.codes.tolist() == [2, 3, NO_KEY]
