"""Columns of maps: fingerprints, tables and online rows."""

from __future__ import annotations

import datetime
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from asof.errors import DataError
from asof.storage.arrow_types import arrow_type, canonical, type_name
from asof.storage.fingerprint import fingerprint
from asof.storage.online.rows import RowCodec, arrow_column
from asof.storage.tables import Table

VALUES: dict[str, list[dict[object, object] | None]] = {
    "map(string,int64)": [{"a": 1, "zé": 2}, None, {}],
    "map(int32,float64)": [{-1: 0.5}, {}, {1: 0.25, 2: -1.0}],
    "map(string,bool)": [{"": True}, None, {"x": False}],
    "map(string,string)": [{"x": "", "yy": "zé"}, {}, None],
    "map(int64,bytes)": [{1: b""}, {2: b"\x00", 3: b"1"}, None],
    "map(string,decimal(10,2))": [{"x": Decimal("1.20")}, None, {}],
    "map(string,decimal(38,2))": [{"x": Decimal("-3.00"), "y": Decimal("4.00")}, None, {}],
    "map(string,date)": [{"x": datetime.date(2020, 2, 29)}, None, {}],
    "map(string,timestamp)": [{"x": datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)}, None, {}],
}
TIMES = pa.array([1, 2, 3], pa.timestamp("us", "UTC"))


def rows() -> pa.Table:
    columns = {name: arrow_column(values, name) for name, values in VALUES.items()}
    return pa.table({"_event_time": TIMES, **columns})


@pytest.mark.parametrize("name", VALUES)
def test_a_name_and_a_type_for_each(name: str) -> None:
    assert type_name(arrow_type(name)) == name
    column = arrow_column(VALUES[name], name)
    assert column.type == arrow_type(name)
    assert column.to_pylist(maps_as_pydicts="strict") == VALUES[name]


@pytest.mark.parametrize("start", [0, 1])
def test_packed_rows_come_back(start: int) -> None:
    table = rows().slice(start)
    codec = RowCodec({name: name for name in VALUES})
    unpacked = [row.values for row in codec.decode(codec.encode(table))]
    assert unpacked == [
        tuple(row[name] for name in VALUES) for row in table.to_pylist(maps_as_pydicts="strict")
    ]
    for name, values in zip(VALUES, zip(*unpacked, strict=True), strict=True):
        assert arrow_column(values, name).equals(table[name].combine_chunks())


def test_nanoseconds_come_back() -> None:
    values = [{"a": np.datetime64(1, "ns"), "b": np.datetime64(2, "ns")}, None, {}]
    times = arrow_column(values, "map(string,timestamp_ns)")
    codec = RowCodec({"t": "map(string,timestamp_ns)"})
    packed = codec.encode(pa.table({"_event_time": TIMES, "t": times}))
    assert [row.values[0] for row in codec.decode(packed)] == values


def test_a_null_in_a_map_is_not_stored_online() -> None:
    codec = RowCodec({"x": "map(string,int64)"})
    nulls = pa.array([[("a", None)]], pa.map_(pa.string(), pa.int64()))
    with pytest.raises(DataError, match="has nulls in it"):
        codec.encode(pa.table({"_event_time": TIMES[:1], "x": nulls}))


def test_tables_hold_them(tmp_path: Path) -> None:
    table = Table(str(tmp_path / "t"))
    table.create(rows().schema, [])
    version = table.append(rows(), on=0)
    assert table.read(version).schema == rows().schema
    assert table.read(version).equals(rows())
    assert fingerprint(table.read(version)) == fingerprint(rows())


def test_layouts_of_keys_and_values_are_made_plain() -> None:
    large = pa.map_(pa.large_string(), pa.dictionary(pa.int32(), pa.string()))
    assert canonical(large) == pa.map_(pa.string(), pa.string())


def test_fingerprints_tell_maps_apart_in_any_order_of_rows() -> None:
    values: list[dict[object, object] | None] = [
        {"a": 1, "b": 2},
        {"a": 2, "b": 1},
        {"a": 1},
        {"b": 1},
        {},
        None,
    ]
    kind = "map(string,int64)"
    prints = {fingerprint(pa.table({"x": arrow_column([one], kind)})) for one in values}
    assert len(prints) == len(values)
    whole = pa.table({"x": arrow_column(values, kind)})
    turned = pa.concat_tables([whole.slice(3), whole.slice(0, 3)])
    assert fingerprint(whole) == fingerprint(turned)
    assert fingerprint(whole.slice(2)) == fingerprint(pa.table({"x": arrow_column(values[2:], kind)}))
