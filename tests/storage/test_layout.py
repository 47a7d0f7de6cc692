import datetime as dt
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asof.errors import DefinitionError, NotFound
from asof.storage.layout import NO_KEY, bucket_of, lay_out

INTEGERS = st.integers(-(2**31), 2**31 - 1)
TEXTS = st.text(max_size=20)


def buckets(values: list[Any], type: pa.DataType, count: int = 16) -> list[int]:
    return bucket_of(pa.table({"k": pa.array(values, type)}), ["k"], count).tolist()


@pytest.mark.parametrize(
    ("values", "type", "expected"),
    [
        ([0, 1, 2, -1, 2**40], pa.int64(), [535, 465, 110, 936, 641]),
        (["", "a", "customer-17", "x" * 2000, "é"], pa.string(), [178, 788, 491, 480, 219]),
    ],
)
def test_buckets_never_change(values: list[Any], type: pa.DataType, expected: list[int]) -> None:
    assert buckets(values, type, 1000) == expected


def test_buckets_follow_splitmix64() -> None:
    # First output of splitmix64 seeded with 0, as in its reference implementation.
    assert buckets([0], pa.int64(), 2**31 - 1) == [0xE220A8397B1DCDAF % (2**31 - 1)]


@given(st.lists(INTEGERS))
def test_integer_width_does_not_matter(values: list[int]) -> None:
    assert buckets(values, pa.int32()) == buckets(values, pa.int64())


@given(st.lists(st.integers(0, 127)))
def test_narrow_and_unsigned_integers_too(values: list[int]) -> None:
    narrow = [pa.int8(), pa.int16(), pa.uint8(), pa.uint32()]
    assert all(buckets(values, type) == buckets(values, pa.int64()) for type in narrow)


@given(st.lists(TEXTS | st.none()))
def test_text_layout_does_not_matter(values: list[str | None]) -> None:
    layouts = [pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())]
    plain = buckets(values, pa.string())
    assert all(buckets(values, layout) == plain for layout in layouts)


@given(st.lists(TEXTS, min_size=1), st.integers(1, 64), st.data())
def test_only_the_value_decides(values: list[str], count: int, data: st.DataObject) -> None:
    together = buckets(values, pa.string(), count)
    start = data.draw(st.integers(0, len(values) - 1))
    sliced = pa.table({"k": pa.array(values, pa.string())}).slice(start)
    assert bucket_of(sliced, ["k"], count).tolist() == together[start:]
    assert [buckets([value], pa.string(), count)[0] for value in values] == together
    assert all(0 <= bucket < count for bucket in together)


def test_microseconds_and_nanoseconds_meet() -> None:
    times = [dt.datetime(2026, 1, day, tzinfo=dt.UTC) for day in range(1, 9)]
    assert buckets(times, pa.timestamp("us", "UTC")) == buckets(times, pa.timestamp("ns", "UTC"))


@pytest.mark.parametrize(
    ("values", "type"),
    [
        ([dt.date(2026, 1, 1), None], pa.date32()),
        ([True, None], pa.bool_()),
        ([b"\x00", None], pa.binary()),
        ([7, None], pa.decimal128(10, 2)),
        ([None, None], pa.dictionary(pa.int32(), pa.string())),
    ],
    ids=str,
)
def test_null_keys_get_a_bucket_of_their_own(values: list[Any], type: pa.DataType) -> None:
    found = buckets(values, type)
    assert [bucket == NO_KEY for bucket in found] == [value is None for value in values]


def test_one_null_of_a_composite_key_is_enough() -> None:
    table = pa.table({"a": [1, 1, None], "b": ["x", None, "y"]})
    found = bucket_of(table, ["a", "b"], 8)
    assert found[0] >= 0
    assert found[1:].tolist() == [NO_KEY, NO_KEY]


def test_order_of_composite_keys_counts() -> None:
    table = pa.table({"a": list(range(100)), "b": list(range(100, 200))})
    assert (bucket_of(table, ["a", "b"], 97) != bucket_of(table, ["b", "a"], 97)).any()


def test_trailing_zero_bytes_count() -> None:
    assert len(set(buckets([b"", b"\0", b"\0\0", b"a", b"a\0"], pa.binary(), 10**9))) == 5


def test_buckets_are_even() -> None:
    table = pa.table({"k": [f"customer-{number}" for number in range(64_000)]})
    sizes = np.bincount(bucket_of(table, ["k"], 64), minlength=64)
    assert sizes.min() > 800
    assert sizes.max() < 1200


EVENTS = st.fixed_dictionaries(
    {
        "id": st.sampled_from(["a", "b", "ab", "é", None]),
        "shop": st.integers(-2, 2),
        "_event_time": st.integers(0, 3),
        "_known_from": st.integers(0, 2),
    }
)


@given(st.lists(EVENTS), st.integers(1, 4))
def test_rows_are_sorted_and_none_is_lost(events: list[dict[str, Any]], count: int) -> None:
    rows = [row | {"_sequence": at} for at, row in enumerate(events)]
    types = {"id": pa.string(), "shop": pa.int32(), "_sequence": pa.int64()}
    times = {name: pa.timestamp("us", "UTC") for name in ("_event_time", "_known_from")}
    table = pa.Table.from_pylist(rows, pa.schema(list((types | times).items())))
    laid = lay_out(table, ["id", "shop"], count)

    assert laid.drop_columns("_bucket").sort_by("_sequence").equals(table.combine_chunks())
    assert laid["_bucket"].to_pylist() == bucket_of(laid, ["id", "shop"], count).tolist()
    assert laid.to_pylist() == sorted(laid.to_pylist(), key=_order)


def _order(row: dict[str, Any]) -> tuple[Any, ...]:
    key = (row["id"] is None, (row["id"] or "").encode(), row["shop"])
    return (row["_bucket"], *key, row["_event_time"], row["_known_from"], row["_sequence"])


def test_laying_out_again_changes_the_buckets_only() -> None:
    table = pa.table({"k": list(range(50)), "_sequence": list(range(50))})
    assert lay_out(lay_out(table, ["k"], 4), ["k"], 8).equals(lay_out(table, ["k"], 8))


def test_rows_without_times_and_empty_tables() -> None:
    assert lay_out(pa.table({"k": ["b", "a"]}), ["k"], 1)["k"].to_pylist() == ["a", "b"]
    assert lay_out(pa.table({"k": pa.array([], pa.string())}), ["k"], 4).num_rows == 0


def test_wrong_keys_are_refused() -> None:
    table = pa.table({"customer": [1], "amount": [1.5]})
    with pytest.raises(NotFound, match="did you mean 'customer'"):
        bucket_of(table, ["custmer"], 4)
    with pytest.raises(DefinitionError, match="'amount' is double"):
        bucket_of(table, ["amount"], 4)
    with pytest.raises(DefinitionError, match="0 buckets"):
        bucket_of(table, ["customer"], 0)
    with pytest.raises(DefinitionError, match="no keys"):
        bucket_of(table, [], 4)
