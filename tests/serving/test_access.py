"""Who may ask the server for what."""

from __future__ import annotations

import asyncio
import json
import shutil
import ssl
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.serving.conftest import Shop

from asof.errors import DefinitionError
from asof.serving.access import Access, Client
from asof.serving.http import Tls, serve, serving
from asof.serving.limits import Application, limited

CHURN, PEOPLE = ("/v1/services/churn/features", "/v1/services/people/features")
ONE = {"keys": [{"household_id": 1}]}
CLIENTS = [
    ("all of it", Client("admin")),
    ("churn-key", Client("model", frozenset({"churn"}), frozenset({"clicks"}))),
]


@pytest.fixture(scope="module")
def client(shared_shop: Shop) -> Iterator[httpx.Client]:
    access = Access(CLIENTS)
    with serving(shared_shop.lookup, access=access) as url, httpx.Client(base_url=url) as opened:
        yield opened


def bearing(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer other", "churn-key", "Basic churn-key"])
@pytest.mark.parametrize(
    ("method", "address"),
    [
        ("GET", "/v1/services"),
        ("GET", f"{CHURN}?household_id=1"),
        ("POST", CHURN),
        ("POST", "/v1/sources/clicks/rows"),
        ("POST", "/v1/services/nothing/features"),
    ],
)
def test_nobody_asks_without_a_key(
    client: httpx.Client, method: str, address: str, header: str | None
) -> None:
    headers = {} if header is None else {"Authorization": header}
    answer = client.request(method, address, json=ONE if method == "POST" else None, headers=headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert "Authorization: Bearer KEY" in answer.json()["detail"]


def test_health_is_for_all(client: httpx.Client) -> None:
    assert client.get("/health").status_code == 200


def test_a_client_has_its_rights_alone(client: httpx.Client) -> None:
    model = bearing("churn-key")
    assert client.post(CHURN, json=ONE, headers=model).status_code == 200
    assert [each["name"] for each in client.get("/v1/services", headers=model).json()["services"]] == [
        "churn"
    ]
    for address in (PEOPLE, "/v1/services/nothing/features"):
        answer = client.post(address, json=ONE, headers=model)
        assert (answer.status_code, answer.json()["title"]) == (403, "Forbidden")
    rows = {"rows": [{"id": 1}]}
    assert client.post("/v1/sources/clicks/rows", json=rows, headers=model).status_code == 404
    assert client.post("/v1/sources/orders/rows", json=rows, headers=model).status_code == 403


def test_a_client_without_limits_may_do_all(client: httpx.Client) -> None:
    admin = bearing("all of it")
    for address in (CHURN, PEOPLE):
        assert client.post(address, json=ONE, headers=admin).status_code == 200
    assert len(client.get("/v1/services", headers=admin).json()["services"]) == 2


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, {"feature_service": "churn"}),
        (403, {"feature_service": "people"}),
        (200, {"features": ["spend:baskets_7d", "person:age"]}),
        (403, {"features": ["spend:baskets_7d", "person:name"]}),
    ],
)
def test_rights_hold_at_the_addresses_of_feast(
    client: httpx.Client, status: int, body: dict[str, Any]
) -> None:
    asked = {"entities": {"household_id": [1]}, **body}
    assert client.post("/get-online-features", json=asked).status_code == 401
    answer = client.post("/get-online-features", json=asked, headers=bearing("churn-key"))
    assert answer.status_code == status
    if status == 403:
        assert json.loads(answer.json())["class"] == "FeastPermissionError"
    pushed = {"push_source_name": "orders", "df": {"id": [1]}}
    assert client.post("/push", json=pushed, headers=bearing("churn-key")).status_code == 403


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.example"])
def test_others_need_keys(shared_shop: Shop, host: str) -> None:
    with pytest.raises(DefinitionError, match=r"name its clients in asof.toml, as in \[serve.clients.NAME\]"):
        serve(shared_shop.lookup, host, 0)


def test_tls(shared_shop: Shop, tmp_path: Path, require: Callable[[str, object], None]) -> None:
    require("openssl", shutil.which("openssl"))
    files = Tls(str(tmp_path / "cert.pem"), str(tmp_path / "key.pem"))
    with pytest.raises(DefinitionError, match=r"no certificate and key for TLS in .*No such file"):
        serve(shared_shop.lookup, tls=files)
    made = (
        "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=asof -addext subjectAltName=IP:127.0.0.1"
    )
    subprocess.run(
        [*made.split(" "), "-keyout", files.private_key, "-out", files.certificate],
        check=True,
        capture_output=True,
    )
    trusting = ssl.create_default_context(cafile=files.certificate)
    with serving(shared_shop.lookup, tls=files) as url:
        assert url.startswith("https://")
        assert httpx.post(url + CHURN, json=ONE, verify=trusting).status_code == 200


def test_so_many_at_once() -> None:
    statuses: list[int] = []

    async def ask(application: Application) -> None:
        async def send(message: Any) -> None:
            statuses.extend([message["status"]] if "status" in message else [])

        await application({"type": "http"}, None, send)

    async def check() -> None:
        going_on = asyncio.Event()

        async def slow(scope: Any, receive: Any, send: Any) -> None:
            await going_on.wait()
            await send({"type": "http.response.start", "status": 200, "headers": []})

        application = limited(slow, 2)
        async with asyncio.TaskGroup() as under_way:
            for _ in range(2):
                under_way.create_task(ask(application))
            await asyncio.sleep(0)
            await ask(application)
            assert statuses == [429]
            going_on.set()
        await ask(application)

    asyncio.run(check())
    assert statuses == [429, 200, 200, 200]
