"""Rows pushed over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pyarrow as pa
import pytest

from asof.serving.http import serving

ROWS = "/v1/sources/orders/rows"
SOURCES = {
    "source__orders": {"kind": "Source", "name": "orders", "reader": {"kind": "Push"}},
    "source__files": {"kind": "Source", "name": "files", "reader": {"kind": "Files"}},
}


@pytest.fixture
def client(shop: Any, require: Any) -> Iterator[httpx.Client]:
    shop.apply({}, **SOURCES)
    with serving(shop.lookup) as url, httpx.Client(base_url=url) as client:
        yield client


def kept(shop: Any) -> list[tuple[str, bytes]]:
    catalogue = shop.catalogue
    pushes = [catalogue.pushed("orders", number) for number in catalogue.pushes_waiting("orders", 0)]
    return [(push.format, push.rows) for push in pushes]


def test_json_rows_are_kept_as_they_were_written(client: httpx.Client, shop: Any) -> None:
    body = '{"rows": [{"id": 1,\n "amount": 0.10}, {"id": 12345678901234567890}]}'
    answer = client.post(ROWS, content=body)
    assert (answer.status_code, answer.json()) == (202, {"source": "orders", "rows": 2})
    assert kept(shop) == [("json", b'{"id":1,"amount":0.10}\n{"id":12345678901234567890}')]


def test_json_lines_and_arrow(client: httpx.Client, shop: Any) -> None:
    lines = client.post(
        ROWS, content=b'{"id":1}\n\n{"id":2}\n', headers={"content-type": "application/x-ndjson"}
    )
    assert lines.json()["rows"] == 2
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, pa.schema([("id", pa.int64())])) as writer:
        writer.write_table(pa.table({"id": [1, 2, 3]}))
    stream = sink.getvalue().to_pybytes()
    media = {"content-type": "application/vnd.apache.arrow.stream"}
    assert client.post(ROWS, content=stream, headers=media).json()["rows"] == 3
    assert [format for format, _ in kept(shop)] == ["json", "arrow"]


def test_the_same_request_again_counts_once(client: httpx.Client, shop: Any) -> None:
    for _ in range(2):
        answer = client.post(ROWS, json={"rows": [{"id": 1}]}, headers={"idempotency-key": "a"})
        assert answer.status_code == 202
    assert len(kept(shop)) == 1


@pytest.mark.parametrize(
    ("address", "body", "status", "said"),
    [
        (ROWS, b"{", 400, "the body is not JSON"),
        (ROWS, b'{"row": []}', 422, "unknown field `row`"),
        (ROWS, b'{"rows": [{"id": 1}, 2]}', 422, "$.rows[1]"),
        ("/v1/sources/order/rows", b'{"rows": []}', 404, "did you mean 'orders'?"),
        ("/v1/sources/files/rows", b'{"rows": []}', 422, "is read by Files"),
        (ROWS, b" " * ((16 << 20) + 1), 413, "send less at once"),
    ],
)
def test_wrong_pushes(
    client: httpx.Client, shop: Any, address: str, body: bytes, status: int, said: str
) -> None:
    answer = client.post(address, content=body, headers={"content-type": "application/json"})
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert said in answer.json()["detail"]
    assert kept(shop) == []


def test_a_body_of_another_kind(client: httpx.Client) -> None:
    answer = client.post(ROWS, content=b"id\n1\n", headers={"content-type": "text/csv"})
    assert answer.status_code == 422
    assert "Content-Type 'text/csv'" in answer.json()["detail"]
    answer = client.post(
        ROWS, content=b"no stream", headers={"content-type": "application/vnd.apache.arrow.stream"}
    )
    assert answer.status_code == 400
