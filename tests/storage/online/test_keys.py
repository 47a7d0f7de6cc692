import datetime

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asof.errors import DataError, DefinitionError
from asof.storage.online.keys import KeyCodec
from asof.storage.online.rows import arrow_column

PARTS = {
    "int8": st.integers(-(2**7), 2**7 - 1),
    "int64": st.integers(-(2**63), 2**63 - 1),
    "bool": st.booleans(),
    "date": st.dates(),
    "timestamp": st.datetimes(timezones=st.just(datetime.UTC)),
    "timestamp_ns": st.integers(-(2**63) + 1, 2**63 - 1).map(lambda ns: np.datetime64(ns, "ns")),
    "string": st.text(st.sampled_from("\0a\x01\U00010000\uffff"), max_size=4) | st.text(max_size=9),
    "bytes": st.binary(max_size=9) | st.lists(st.sampled_from([0, 1, 255]), max_size=4).map(bytes),
}


@st.composite
def typed_keys(draw):
    dtypes = draw(st.lists(st.sampled_from(sorted(PARTS)), min_size=1, max_size=3))
    columns = {f"k{at}": dtype for at, dtype in enumerate(dtypes)}
    return columns, draw(st.lists(st.tuples(*(PARTS[dtype] for dtype in dtypes)), max_size=8))


def columns_of(columns: dict[str, str], keys: list[tuple]) -> pa.Table:
    return pa.table(
        {
            name: arrow_column([key[at] for key in keys], dtype)
            for at, (name, dtype) in enumerate(columns.items())
        }
    )


def ordinal(key: tuple) -> tuple:
    return tuple(part.encode() if isinstance(part, str) else part for part in key)


@given(typed_keys())
def test_bytes_sort_as_the_keys_do_and_come_back(case):
    columns, keys = case
    codec = KeyCodec(columns)
    encoded = codec.encode(keys)
    assert encoded == codec.encode_columns(columns_of(columns, keys))
    by_bytes = [key for _, key in sorted(zip(encoded, keys, strict=True), key=lambda pair: pair[0])]
    assert by_bytes == sorted(keys, key=ordinal)
    assert pa.table(codec.decode_columns(encoded)).equals(columns_of(columns, keys))


@given(st.integers(-(2**7), 2**7 - 1))
def test_the_width_of_an_integer_does_not_matter(key):
    assert KeyCodec({"k": "int8"}).encode([(key,)]) == KeyCodec({"k": "int64"}).encode([(key,)])


def test_numpy_integers_are_keys():
    codec = KeyCodec({"k": "int64"})
    assert codec.encode([(np.int32(-7),)]) == codec.encode([(-7,)])


@pytest.mark.parametrize("dtype", sorted(PARTS))
def test_a_null_part_matches_nothing(dtype):
    assert KeyCodec({"a": dtype, "b": "int64"}).encode([(None, 1)]) == [None]
    assert KeyCodec({"a": dtype}).encode([(None,)]) == [None]


@pytest.mark.parametrize("columns", [{"k": "int64"}, {"k": "int64", "l": "string"}])
def test_keys_come_behind_a_prefix_beside_nulls(columns):
    codec, key = KeyCodec(columns), (7, "a")[: len(columns)]
    nothing = (None, "a")[: len(columns)]
    (alone,) = codec.encode([key])
    assert codec.encode([key, nothing, key], b"rows") == [b"rows" + alone, None, b"rows" + alone]


@pytest.mark.parametrize(
    ("dtype", "value"),
    [
        ("int64", "7"),
        ("int64", 2**63),
        ("int64", 1.0),
        ("string", 7),
        ("string", b"x"),
        ("bytes", "x"),
        ("bool", 1),
        ("date", datetime.datetime(2024, 1, 1)),
        ("timestamp", datetime.datetime(2024, 1, 1)),
        ("timestamp_ns", datetime.datetime(2024, 1, 1)),
    ],
)
def test_a_key_of_another_type_is_an_error(dtype, value):
    with pytest.raises(DataError, match=f"expected \\(k: {dtype}\\)"):
        KeyCodec({"k": dtype}).encode([(value,)])


def test_a_key_of_another_length_is_an_error():
    with pytest.raises(DataError, match="a key of 1 parts, expected \\(a, b\\)"):
        KeyCodec({"a": "int64", "b": "string"}).encode([(1,)])


@pytest.mark.parametrize("dtype", ["float64", "decimal(10,2)"])
def test_floats_and_decimals_are_no_keys(dtype):
    with pytest.raises(DefinitionError, match="price is"):
        KeyCodec({"price": dtype})


def test_a_view_needs_a_key():
    with pytest.raises(DefinitionError, match="needs a key column"):
        KeyCodec({})


def test_a_moment_is_one_key_in_whatever_zone():
    codec = KeyCodec({"k": "timestamp"})
    east = datetime.timezone(datetime.timedelta(hours=5))
    moment = datetime.datetime(2024, 1, 1, 5, tzinfo=east)
    assert codec.encode([(moment,)]) == codec.encode([(moment.astimezone(datetime.UTC),)])
