"""Columns of lists: fingerprints, tables and online rows."""

from __future__ import annotations

import datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest

from asof.errors import DataError
from asof.storage.arrow_types import arrow_type, type_name
from asof.storage.fingerprint import fingerprint
from asof.storage.online.rows import RowCodec, arrow_column
from asof.storage.tables import Table

VALUES = {
    "list(int64)": [[1, 2], None, []],
    "list(float32)": [[0.5], [], [0.25, -1.0]],
    "list(bool)": [[True, False], None, [False]],
    "list(string)": [["x", "", "zé"], [], None],
    "list(bytes)": [[b""], [b"\x00", b"1"], None],
    "list(decimal(10,2))": [[Decimal("1.20")], None, []],
    "list(decimal(30,2))": [[Decimal("-3.00"), Decimal("4.00")], None, []],
    "list(date)": [[datetime.date(2020, 2, 29)], None, []],
    "list(timestamp)": [[datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)], None, []],
}
TIMES = pa.array([1, 2, 3], pa.timestamp("us", "UTC"))


def rows() -> pa.Table:
    columns = {name: pa.array(values, arrow_type(name)) for name, values in VALUES.items()}
    return pa.table({"_event_time": TIMES, **columns})


@pytest.mark.parametrize("name", VALUES)
def test_a_name_and_a_type_for_each(name: str) -> None:
    assert type_name(arrow_type(name)) == name


@pytest.mark.parametrize("start", [0, 1])
def test_packed_rows_come_back(start: int) -> None:
    table = rows().slice(start)
    codec = RowCodec({name: name for name in VALUES})
    unpacked = [row.values for row in codec.decode(codec.encode(table))]
    assert unpacked == [tuple(row[name] for name in VALUES) for row in table.to_pylist()]
    for name, values in zip(VALUES, zip(*unpacked, strict=True), strict=True):
        assert arrow_column(values, name).to_pylist() == table[name].to_pylist()


def test_nanoseconds_come_back() -> None:
    times = pa.array([[1, 2], None, []], pa.list_(pa.timestamp("ns", "UTC")))
    codec = RowCodec({"t": "list(timestamp_ns)"})
    packed = codec.encode(pa.table({"_event_time": TIMES, "t": times}))
    assert arrow_column([row.values[0] for row in codec.decode(packed)], "list(timestamp_ns)").equals(times)


def test_a_null_in_a_list_is_not_stored_online() -> None:
    codec = RowCodec({"x": "list(int64)"})
    with pytest.raises(DataError, match="has nulls in it"):
        codec.encode(pa.table({"_event_time": TIMES[:1], "x": [[1, None]]}))


def test_tables_hold_them(tmp_path: Path) -> None:
    table = Table(str(tmp_path / "t"))
    table.create(rows().schema, [])
    version = table.append(rows(), on=0)
    assert fingerprint(table.read(version)) == fingerprint(rows())


def test_fingerprints_tell_lists_apart_in_any_order_of_rows() -> None:
    lists = [[1, 2], [2, 1], [1], [], None, [1, None], [None, 1]]
    prints = {fingerprint(pa.table({"x": pa.array([one], pa.list_(pa.int64()))})) for one in lists}
    assert len(prints) == len(lists)
    whole = pa.table({"x": pa.array(lists, pa.list_(pa.int64()))})
    turned = pa.concat_tables([whole.slice(3), whole.slice(0, 3)])
    assert fingerprint(whole) == fingerprint(turned)
