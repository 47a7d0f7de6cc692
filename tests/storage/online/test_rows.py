import datetime
import decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asof.errors import DataError, DefinitionError
from asof.storage.arrow_types import arrow_type
from asof.storage.online.rows import RowCodec, arrow_column, event_time_of
from asof.storage.online.store import EVENT_TIME, OnlineRow

NS = pa.timestamp("ns", "UTC")
INT64 = st.integers(-(2**63), 2**63 - 1)
TIMES = st.datetimes(timezones=st.just(datetime.UTC))


def unscaled(digits: int, scale: int) -> st.SearchStrategy[decimal.Decimal]:
    exact = decimal.Context(prec=60)
    whole = st.integers(-(10**digits) + 1, 10**digits - 1)
    return whole.map(lambda number: decimal.Decimal(number).scaleb(-scale, exact))


VALUES = {
    "int8": st.integers(-(2**7), 2**7 - 1),
    "int16": st.integers(-(2**15), 2**15 - 1),
    "int32": st.integers(-(2**31), 2**31 - 1),
    "int64": INT64,
    "float32": st.floats(width=32, allow_nan=False),
    "float64": st.floats(allow_nan=False),
    "bool": st.booleans(),
    "string": st.text(max_size=20),
    "bytes": st.binary(max_size=20),
    "date": st.dates(),
    "timestamp": TIMES,
    "timestamp_ns": INT64.filter(lambda ns: ns != -(2**63)).map(lambda ns: np.datetime64(ns, "ns")),
    "decimal(10,2)": unscaled(10, 2),
    "decimal(18,18)": unscaled(18, 18),
    "decimal(38,10)": unscaled(38, 10),
}


def table(columns: dict[str, list], types: dict[str, str], times: list[int]) -> pa.Table:
    arrays = {name: arrow_column(values, types[name]) for name, values in columns.items()}
    return pa.table({EVENT_TIME: pa.array(times, NS), **arrays})


@st.composite
def typed_rows(draw):
    dtypes = draw(st.lists(st.sampled_from(sorted(VALUES)), max_size=20))
    types = {f"c{at}": dtype for at, dtype in enumerate(dtypes)}
    value = st.tuples(*(st.none() | VALUES[dtype] for dtype in dtypes))
    return types, draw(st.lists(st.tuples(INT64, value), max_size=6))


@given(typed_rows())
def test_what_is_packed_comes_back(case):
    types, rows = case
    columns = {name: [values[at] for _, values in rows] for at, name in enumerate(types)}
    codec = RowCodec(types)
    packed = codec.encode(table(columns, types, [time for time, _ in rows]))
    assert codec.decode([*packed, None]) == [*rows, None]
    assert [event_time_of(row) for row in packed] == [time for time, _ in rows]


@given(typed_rows(), st.integers(0, 6))
def test_slices_and_chunks_pack_as_the_whole(case, cut):
    types, rows = case
    columns = {name: [values[at] for _, values in rows] for at, name in enumerate(types)}
    whole = table(columns, types, [time for time, _ in rows])
    codec = RowCodec(types)
    chunked = pa.concat_tables([whole.slice(0, cut), whole.slice(cut)])
    assert codec.encode(chunked) == codec.encode(whole)
    assert codec.encode(whole.slice(cut)) == codec.encode(whole)[cut:]


def test_nan_stays_nan():
    codec = RowCodec({"x": "float64"})
    (row,) = codec.encode(table({"x": [float("nan")]}, {"x": "float64"}, [0]))
    (found,) = codec.decode([row])
    assert found is not None
    (value,) = found.values
    assert value != value


def test_decimals_do_not_depend_on_the_context_of_the_reader():
    types = {"x": "decimal(12,2)", "y": "decimal(38,2)"}
    values = {"x": [decimal.Decimal("1234567890.12")], "y": [decimal.Decimal(10**30 + 1)]}
    codec = RowCodec(types)
    (row,) = codec.encode(table(values, types, [0]))
    with decimal.localcontext(prec=3):
        assert codec.decode([row]) == [OnlineRow(0, (values["x"][0], values["y"][0]))]


def test_a_row_takes_its_header_and_its_values():
    codec = RowCodec({"a": "int64", "b": "int8", "c": "string"})
    types = {"a": "int64", "b": "int8", "c": "string"}
    (row,) = codec.encode(table({"a": [1], "b": [2], "c": ["abc"]}, types, [0]))
    assert len(row) == 1 + 8 + 1 + 8 + 1 + 4 + 3


def test_a_row_of_another_layout_is_refused():
    codec = RowCodec({"a": "int64"})
    (row,) = codec.encode(table({"a": [1]}, {"a": "int64"}, [0]))
    with pytest.raises(DataError, match="layout 9"):
        codec.decode([b"\x09" + row[1:]])


@pytest.mark.parametrize(("dtype", "value"), [("timestamp", 2**60), ("date", 2**31 - 1)])
def test_a_time_beyond_year_9999_is_refused_when_packed(dtype, value):
    width = pa.int32() if dtype == "date" else pa.int64()
    rows = pa.table({EVENT_TIME: pa.array([0], NS), "x": pa.array([value], width).cast(arrow_type(dtype))})
    with pytest.raises(DataError, match="x has a time outside of the years 1 to 9999"):
        RowCodec({"x": dtype}).encode(rows)


def test_an_event_time_beyond_nanoseconds_is_refused():
    rows = pa.table({EVENT_TIME: pa.array([2**62], pa.int64()).cast(pa.timestamp("us", "UTC"))})
    with pytest.raises(DataError, match="_event_time outside of the years 1678 to 2261"):
        RowCodec({}).encode(rows)


def test_an_unknown_type_is_refused_with_the_nearest():
    with pytest.raises(DefinitionError, match=r"'int65'.*'int64'"):
        RowCodec({"x": "int65"})
