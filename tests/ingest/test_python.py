"""Functions that yield rows, and resources of dlt."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import dlt
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asof.errors import DataError, DefinitionError
from asof.features.readers import Dlt, Python, Reader
from asof.features.source import Source
from asof.ingest.connector import Batch, Connector, open_connector
from asof.ingest.place import Place

SCHEMA = {"id": "int64", "amount": "decimal(8,2)", "note": "string"}
ROWS = [{"id": number, "amount": Decimal(number) / 4, "note": f"n{number}"} for number in range(10)]


def connector(reader: Reader, memory: int = 64 << 20) -> Connector:
    source = Source("orders", reader=reader, schema=SCHEMA, known_since="2024-01-01")
    return open_connector(source, Place(".", memory=memory))


def taken(batches: list[Batch]) -> list[dict[str, Any]]:
    return [row for batch in batches for row in batch.rows.to_pylist()]


def pages(cursor: int | None) -> Iterator[tuple[list[dict[str, Any]], int]]:
    for start in range(cursor or 0, len(ROWS), 4):
        page = ROWS[start : start + 4]
        yield page, start + len(page)


def halves(cursor: str | None) -> Iterator[Any]:
    if cursor is None:
        yield pa.Table.from_pylist(ROWS[:5])
        yield pa.RecordBatch.from_pylist(ROWS[5:]), "all"


def without_cursor(cursor: None) -> Iterator[Any]:
    yield ROWS, 1
    yield ROWS


def broken(cursor: None) -> Iterator[Any]:
    yield ROWS[:1], 1
    raise ZeroDivisionError("no orders")


def odd(cursor: None) -> Iterator[Any]:
    yield [{"id": "7", "amount": "0.125", "note": {"b": [1, 2]}}, {"id": 8, "extra": 1}], 1


def no_rows(cursor: None) -> Iterator[Any]:
    yield 7, 1


def odd_cursor(cursor: None) -> Iterator[Any]:
    yield ROWS, object()


@pytest.mark.parametrize("memory", [1, 300, 1 << 20])
@pytest.mark.parametrize("function", [pages, halves])
def test_all_rows_come_once_and_in_order(function: Any, memory: int) -> None:
    batches = list(connector(Python(function), memory).batches(None))
    assert taken(batches) == ROWS
    assert batches[-1].cursor is not None
    assert list(connector(Python(function)).batches(batches[-1].cursor)) == []
    assert connector(Python(function)).pending(None) == [f"{function.__name__}()"]
    assert connector(Python(function)).pending(batches[-1].cursor) == []


@given(st.integers(0, 2))
def test_reading_goes_on_from_each_cursor(at: int) -> None:
    batches = list(connector(Python(pages)).batches(None))
    cursor = json.loads(json.dumps(batches[at].cursor))
    assert taken(batches[: at + 1]) + taken(list(connector(Python(pages)).batches(cursor))) == ROWS


def test_rows_yielded_without_a_cursor_wait_for_the_next_one() -> None:
    assert [batch.cursor is None for batch in connector(Python(halves)).batches(None)] == [True, False]


def test_a_value_that_does_not_fit_is_rejected_and_the_row_is_told() -> None:
    (batch,) = connector(Python(odd)).batches(None)
    assert batch.rows.to_pylist() == [{"id": 8, "amount": None, "note": None}]
    (rejected,) = batch.rejected.to_pylist()
    assert rejected["origin"], rejected["line"] == ("odd()", 1)
    assert rejected["reason"] == "amount: '0.125' does not fit exactly into a decimal(8,2)"
    assert json.loads(rejected["raw"])["note"] == '{"b":[1,2]}'
    assert batch.rows_read == 2


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (without_cursor, r"source 'orders': without_cursor\(\): the last rows came without a cursor"),
        (broken, r"source 'orders': broken\(\): ZeroDivisionError: no orders"),
        (no_rows, "rows are Arrow tables, data frames or lists of dicts, got int"),
        (odd_cursor, r"odd_cursor\(\): TypeError: Encoding objects of type object is unsupported"),
    ],
)
def test_what_a_function_does_wrong_is_told(function: Any, said: str) -> None:
    with pytest.raises(DataError, match=said):
        list(connector(Python(function)).batches(None))


LATEST = dlt.sources.incremental("at")
STAMPED = [row | {"at": datetime(2024, 1, 1 + row["id"], tzinfo=UTC)} for row in ROWS]


def resource(rows: list[dict[str, Any]], *, as_arrow: bool = False) -> Any:
    @dlt.resource(name="orders")
    def orders(at: Any = LATEST) -> Iterator[Any]:
        if as_arrow:
            yield pa.Table.from_pylist(rows)
        else:
            yield from rows

    return orders


@pytest.mark.parametrize("as_arrow", [False, True])
def test_a_resource_of_dlt_brings_what_its_incremental_lets_through(as_arrow: bool) -> None:
    first = list(connector(Dlt(resource(STAMPED[:6], as_arrow=as_arrow)), memory=200).batches(None))
    assert taken(first) == ROWS[:6]
    assert [batch.cursor for batch in first[:-1]] == [None] * (len(first) - 1)
    cursor = json.loads(json.dumps(first[-1].cursor))
    again = connector(Dlt(resource(STAMPED[:6], as_arrow=as_arrow)))
    assert taken(list(again.batches(cursor))) == []
    assert again.pending(cursor) == []
    more = connector(Dlt(resource(STAMPED, as_arrow=as_arrow)))
    assert more.pending(cursor) == ["dlt resource orders"]
    assert taken(list(more.batches(cursor))) == ROWS[6:]


def test_an_error_in_a_resource_is_told() -> None:
    @dlt.resource(name="failing")
    def failing() -> Iterator[Any]:
        yield ROWS[0]
        raise OSError("no network")

    with pytest.raises(DataError, match=r"dlt resource failing: .*no network"):
        list(connector(Dlt(failing)).batches(None))


def test_only_a_resource_is_one() -> None:
    with pytest.raises(DefinitionError, match="is not a resource of dlt"):
        Dlt([1, 2])
    with pytest.raises(DefinitionError, match="must take one argument"):
        Python(test_only_a_resource_is_one)
