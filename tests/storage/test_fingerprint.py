import datetime as dt
import random
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from asof.errors import DataError
from asof.storage.fingerprint import Fingerprint, fingerprint

SCHEMA = pa.schema(
    [
        ("id", pa.int64()),
        ("name", pa.string()),
        ("amount", pa.float64()),
        ("seen", pa.timestamp("us", "UTC")),
        ("paid", pa.bool_()),
        ("price", pa.decimal128(12, 2)),
        ("raw", pa.binary()),
        ("day", pa.date32()),
    ]
)
TIMES = st.datetimes(dt.datetime(1990, 1, 1), dt.datetime(2100, 1, 1), timezones=st.just(dt.UTC))
ROW = st.fixed_dictionaries(
    {
        "id": st.none() | st.integers(-(2**63), 2**63 - 1),
        "name": st.none() | st.text(max_size=30),
        "amount": st.none() | st.floats(),
        "seen": st.none() | TIMES,
        "paid": st.none() | st.booleans(),
        "price": st.none() | st.decimals(-(10**6), 10**6, places=2),
        "raw": st.none() | st.binary(max_size=30),
        "day": st.none() | st.dates(),
    }
)
ROWS = st.lists(ROW, min_size=1, max_size=8)


def table(rows: list[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(rows, SCHEMA)


def test_is_32_hexadecimal_digits_and_never_changes() -> None:
    known = pa.table({"id": [1, 2, None], "name": ["a", None, "customer-17"]})
    assert fingerprint(known) == "f5aed2461a504163c81928d4cbfccee5"


@given(ROWS, st.randoms(use_true_random=False))
def test_order_of_rows_and_columns_does_not_matter(
    rows: list[dict[str, Any]], shuffle: random.Random
) -> None:
    columns, shuffled = list(SCHEMA.names), list(rows)
    shuffle.shuffle(columns)
    shuffle.shuffle(shuffled)
    assert fingerprint(table(shuffled).select(columns)) == fingerprint(table(rows))


@given(ROWS, st.data())
def test_chunks_slices_and_merging_do_not_matter(rows: list[dict[str, Any]], data: st.DataObject) -> None:
    whole = table(rows)
    cut = data.draw(st.integers(0, len(rows)))
    first, second = Fingerprint(SCHEMA), Fingerprint(SCHEMA)
    first.add(whole.slice(cut))
    for batch in whole.slice(0, cut).to_batches(max_chunksize=2):
        second.add(batch)
    first.merge(second)
    chunked = pa.concat_tables([whole.slice(0, cut), whole.slice(cut)])
    assert first.hexdigest() == fingerprint(chunked) == fingerprint(whole)


@given(ROWS, ROW, st.data())
def test_one_changed_value_shows(
    rows: list[dict[str, Any]], other: dict[str, Any], data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(rows) - 1))
    name = data.draw(st.sampled_from(SCHEMA.names))
    changed = [row | {name: other[name]} if at == place else row for place, row in enumerate(rows)]
    assume(repr(changed[at][name]).strip("-") != repr(rows[at][name]).strip("-"))
    assert fingerprint(table(changed)) != fingerprint(table(rows))


@given(ROWS)
def test_duplicates_count(rows: list[dict[str, Any]]) -> None:
    once, twice, thrice = (fingerprint(table(rows * times)) for times in (1, 2, 3))
    assert len({once, twice, thrice, fingerprint(table([]))}) == 4


def test_values_swapped_between_rows_or_columns_show() -> None:
    prints = [
        pa.table({"a": [1, 2], "b": [3, 4]}),
        pa.table({"a": [1, 2], "b": [4, 3]}),
        pa.table({"a": [3, 4], "b": [1, 2]}),
        pa.table({"b": [1, 2], "c": [3, 4]}),
    ]
    assert len({fingerprint(one) for one in prints}) == 4


def test_types_count() -> None:
    types = [pa.int8(), pa.int32(), pa.int64(), pa.float32(), pa.float64(), pa.decimal128(9, 2)]
    prints = {fingerprint(pa.table({"x": pa.array([1, 2], pa.int8()).cast(type)})) for type in types}
    assert len(prints) == len(types)


def test_nulls_are_no_values() -> None:
    columns = [[None], [0], [-1]]
    assert len({fingerprint(pa.table({"x": pa.array(one, pa.int64())})) for one in columns}) == 3
    texts = [[None], [""], ["\0"], ["null"]]
    assert len({fingerprint(pa.table({"x": pa.array(one, pa.string())})) for one in texts}) == 4


def test_what_lies_under_a_null_does_not_matter() -> None:
    under = [pa.py_buffer(b"\x01"), pa.array([1, 2], pa.int64()).buffers()[1]]
    hidden = pa.Array.from_buffers(pa.int64(), 2, under)
    assert hidden.to_pylist() == [1, None]
    plain = pa.array([1, None], pa.int64())
    assert fingerprint(pa.table({"x": hidden})) == fingerprint(pa.table({"x": plain}))


@pytest.mark.parametrize(
    "layout",
    [pa.large_string(), pa.string_view(), pa.dictionary(pa.int8(), pa.string())],
    ids=str,
)
def test_layout_does_not_matter(layout: pa.DataType) -> None:
    texts = pa.array(["a", None, "b" * 5000, "a"])
    other = pa.table({"x": texts.cast(layout)})
    assert fingerprint(other) == fingerprint(pa.table({"x": texts}))


@pytest.mark.parametrize("type", [pa.float32(), pa.float64()], ids=str)
def test_zeros_are_one_and_so_are_nans(type: pa.DataType) -> None:
    odd = pa.array([-0.0, -float("nan"), 1.0], type)
    even = pa.array([0.0, float("nan"), 1.0], type)
    assert fingerprint(pa.table({"x": odd})) == fingerprint(pa.table({"x": even}))


def test_decimals_by_value() -> None:
    prices = [Decimal("1.10"), Decimal("-1.10"), Decimal("99999999999999999999999999.99")]
    one = [pa.table({"x": pa.array([price], pa.decimal128(30, 2))}) for price in prices]
    assert len({fingerprint(table) for table in one}) == 3


def test_rows_of_another_schema_are_refused() -> None:
    content = Fingerprint(pa.schema([("x", pa.int64())]))
    with pytest.raises(DataError, match="can't take rows"):
        content.add(pa.table({"x": ["a"]}))
    with pytest.raises(DataError, match="can't take rows"):
        content.merge(Fingerprint(pa.schema([("y", pa.int64())])))


def test_tables_without_columns_or_rows() -> None:
    assert fingerprint(pa.table({})) != fingerprint(pa.table({"x": pa.array([], pa.int64())}))
