import base64
import json
import logging
import os
import signal
import socket
import subprocess
import sys
from datetime import UTC, datetime
from urllib.parse import urlsplit

import httpx
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asof.errors import DefinitionError, MissingExtra
from asof.serving.access import Access, Client
from asof.serving.http import application, serve, serving
from asof.serving.messages import MAX_BODY_BYTES, MAX_ROWS

CHURN = "/v1/services/churn/features"
NOW = "2024-05-01T00:00:00Z"
SERVER = """
import sys
from asof.serving.http import serve
from asof.serving.lookup import Lookup
from asof.storage.catalogue import Catalogue
from asof.storage.online.lmdb import LmdbStore
folder = sys.argv[1]
lookup = Lookup(Catalogue(f"{folder}/catalogue.db"), LmdbStore(f"{folder}/online", readonly=True))
serve(lookup, port=0, on_start=lambda url: print(url, flush=True))
"""


@pytest.fixture(scope="module")
def client(shared_shop):
    with serving(shared_shop.lookup) as url, httpx.Client(base_url=url) as opened:
        yield opened


def check_problem(answer, status, *words):
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert set(problem) == {"type", "title", "status", "detail"}
    assert problem["status"] == status
    assert "Traceback" not in problem["detail"]
    for word in words:
        assert word in problem["detail"]


def test_health(client):
    answer = client.get("/health")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_services(client):
    keys = [{"name": "household_id", "type": "int64"}]
    assert client.get("/v1/services").json()["services"] == [
        {
            "name": "churn",
            "keys": keys,
            "request": [],
            "features": [
                {"name": "spend__baskets_7d", "type": "int64"},
                {"name": "spend__amount_7d", "type": "decimal(10,2)"},
                {"name": "person__age", "type": "int64"},
            ],
            "as_of": NOW,
        },
        {
            "name": "people",
            "keys": keys,
            "request": [],
            "features": [
                {"name": "person__age", "type": "int64"},
                {"name": "person__name", "type": "string"},
            ],
            "as_of": NOW,
        },
    ]


def test_many_keys(client):
    body = {"keys": [{"household_id": 1}, {"household_id": 9}], "now": NOW}
    answer = client.post(CHURN, json=body)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {
        "features": ["spend__baskets_7d", "spend__amount_7d", "person__age"],
        "as_of": NOW,
        "rows": [
            {
                "keys": {"household_id": 1},
                "values": {"spend__baskets_7d": 3, "spend__amount_7d": 12.3, "person__age": 40},
            },
            {
                "keys": {"household_id": 9},
                "values": {"spend__baskets_7d": 0, "spend__amount_7d": None, "person__age": None},
            },
        ],
    }


def test_decimals_are_exact_numbers(client):
    answer = client.post(CHURN, json={"keys": [{"household_id": 1}]})
    assert '"spend__amount_7d":12.30' in answer.text


def test_details(client):
    body = {"keys": [{"household_id": 1}, {"household_id": 3}], "now": NOW, "details": True}
    rows = client.post(CHURN, json=body).json()["rows"]
    assert [row["statuses"] for row in rows] == [
        {"spend__baskets_7d": "present", "spend__amount_7d": "present", "person__age": "present"},
        {"spend__baskets_7d": "not_found", "spend__amount_7d": "not_found", "person__age": "expired"},
    ]
    assert [row["event_times"] for row in rows] == [
        {"spend__baskets_7d": NOW, "spend__amount_7d": NOW, "person__age": "2024-04-30T00:00:00Z"},
        {"spend__baskets_7d": None, "spend__amount_7d": None, "person__age": "2024-04-21T00:00:00Z"},
    ]


def test_one_key_in_the_address(client):
    (row,) = client.get(CHURN, params={"household_id": 1}).json()["rows"]
    assert row["keys"] == {"household_id": 1}
    assert row["values"]["spend__baskets_7d"] == 3
    assert row["statuses"]["person__age"] == "expired"


def test_text_keys_and_null_keys(client):
    rows = client.post(CHURN, json={"keys": [{"household_id": "1"}, {"household_id": None}]}).json()["rows"]
    assert [row["keys"] for row in rows] == [{"household_id": 1}, {"household_id": None}]
    assert [row["values"]["spend__baskets_7d"] for row in rows] == [3, 0]


def test_every_type_as_json(shop):
    moment = datetime(2024, 5, 1, 12, 0, 0, 1, UTC)
    columns = {
        "flag": [True],
        "ratio": [0.1],
        "raw": [b"\0\1"],
        "text": ["ä"],
        "day": [moment.date()],
        "at": pa.array([moment], pa.timestamp("us", "UTC")),
        "at_ns": pa.array([1], pa.int64()).cast(pa.timestamp("ns", "UTC")),
    }
    rows = pa.table(
        {"_event_time": pa.array([moment], pa.timestamp("us", "UTC")), "id": ["a/b c"], **columns}
    )
    shop.publish("all", ["id"], rows)
    shop.apply({"all": ["view/all"]})
    with serving(shop.lookup) as url:
        (row,) = httpx.get(f"{url}/v1/services/all/features", params={"id": "a/b c"}).json()["rows"]
    assert row["values"] == {
        "all__flag": True,
        "all__ratio": 0.1,
        "all__raw": base64.b64encode(b"\0\1").decode(),
        "all__text": "ä",
        "all__day": "2024-05-01",
        "all__at": "2024-05-01T12:00:00.000001Z",
        "all__at_ns": "1970-01-01T00:00:00.000000001Z",
    }


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ("", 400, ["not JSON"]),
        ("{", 400, ["not JSON", "keys"]),
        (b"\xff", 400, ["not JSON"]),
        ("[]", 422, ["Expected `object`"]),
        ("{}", 422, ["missing required field `keys`"]),
        ('{"keys": {}}', 422, ["$.keys"]),
        ('{"keys": [1]}', 422, ["$.keys[0]"]),
        ('{"keys": [{"household_id": 1.5}]}', 422, ["$.keys[0]"]),
        ('{"keys": [{"household_id": [1]}]}', 422, ["$.keys[0]"]),
        ('{"keys": [{"household_id": 1e400}]}', 422, []),
        ('{"keys": [{"household_id": 99999999999999999999}]}', 422, ["household_id"]),
        ('{"keys": [{"household_id": true}]}', 422, ["household_id", "int64"]),
        ('{"keys": [{"household": 1}]}', 422, ["did you mean 'household_id'"]),
        ('{"keys": [{}]}', 422, ["'household_id' is missing"]),
        ('{"keys": [], "nwo": 1}', 422, ["nwo"]),
        ('{"keys": [], "now": "2024-05-01T00:00:00"}', 422, ["$.now", "timezone"]),
        ('{"keys": [], "details": "yes"}', 422, ["$.details"]),
        ("[" * 100_000, 422, []),
    ],
)
def test_wrong_bodies(client, body, status, words):
    check_problem(client.post(CHURN, content=body), status, *words)


@pytest.mark.parametrize(
    ("address", "status", "words"),
    [
        (f"{CHURN}?household_id=x", 422, ["'household_id' is 'x'", "int64"]),
        (f"{CHURN}?household_id=1&household_id=2", 422, ["given twice"]),
        (CHURN, 422, ["'household_id' is missing"]),
        ("/v1/services/chrun/features?household_id=1", 404, ["did you mean 'churn'"]),
        ("/v1/services/%ff/features", 404, ["no service"]),
        ("/v1/nothing", 404, ["/v1/services"]),
    ],
)
def test_wrong_addresses(client, address, status, words):
    check_problem(client.get(address), status, *words)


def test_other_methods(client):
    answer = client.put(CHURN)
    check_problem(answer, 405)
    assert "GET" in answer.headers["allow"]


def test_limits(client):
    keys = [{"household_id": 1}] * MAX_ROWS
    assert len(client.post(CHURN, json={"keys": keys}).json()["rows"]) == MAX_ROWS
    check_problem(client.post(CHURN, json={"keys": [*keys, {}]}), 413, str(MAX_ROWS))
    check_problem(client.post(CHURN, content=b" " * (MAX_BODY_BYTES + 1)), 413, str(MAX_BODY_BYTES))
    endless = (b" " * 65536 for _ in range(MAX_BODY_BYTES // 65536 + 1))
    check_problem(client.post(CHURN, content=endless), 413, str(MAX_BODY_BYTES))
    assert client.get("/health").status_code == 200


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
bodies = st.fixed_dictionaries(
    {"keys": st.lists(st.fixed_dictionaries({"household_id": json_values}), max_size=3) | json_values},
    optional={"now": json_values, "details": json_values},
)


@settings(max_examples=100)
@given(st.binary(max_size=50) | bodies.map(lambda body: json.dumps(body).encode()))
def test_no_body_makes_it_fail(client, body):
    answer = client.post(CHURN, content=body)
    if answer.status_code != 200:
        assert answer.status_code in (400, 422)
        check_problem(answer, answer.status_code)


def test_a_client_that_leaves_is_no_error(client, caplog):
    with caplog.at_level(logging.WARNING):
        address = urlsplit(str(client.base_url))
        with socket.create_connection((address.hostname, address.port)) as connection:
            head = f"POST {CHURN} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{{"
            connection.sendall(head.encode())
        assert client.get("/health").status_code == 200
    assert caplog.records == []


def test_what_is_not_online_yet(shop):
    shop.apply({"churn": ["view/spend"]})
    with serving(shop.lookup) as url, httpx.Client(base_url=url) as client:
        check_problem(client.get(CHURN), 404, "asof run")
        (service,) = client.get("/v1/services").json()["services"]
    assert service["as_of"] is None
    assert "asof run" in service["detail"]


def test_what_is_being_published_is_to_be_asked_again(demo_shop):
    demo_shop.apply({"churn": ["view/spend"]}, view__spend={"features": ["amount_7d"]})
    rows = pa.table({"household_id": [1], "_event_time": [demo_shop.as_of], "amount_7d": [8]})
    demo_shop.swap("spend", ["household_id"], rows)
    with serving(demo_shop.lookup) as url:
        answer = httpx.get(url + CHURN, params={"household_id": 1})
    check_problem(answer, 503, "ask again")
    assert answer.headers["retry-after"] == "1"


def test_an_unreadable_store_is_not_healthy(demo_shop, caplog):
    with serving(demo_shop.lookup) as url, httpx.Client(base_url=url) as client:
        assert client.get("/health").status_code == 200
        demo_shop.store.close()
        check_problem(client.get("/health"), 503, "closed")


def test_a_failure_inside_says_nothing_of_it(demo_shop, monkeypatch, caplog):
    def fail(*given, **more):
        raise RuntimeError("secret")

    monkeypatch.setattr(demo_shop.store, "read_many", fail)
    with serving(demo_shop.lookup) as url:
        answer = httpx.get(url + CHURN, params={"household_id": 1})
    check_problem(answer, 500, "log")
    assert "secret" not in answer.text
    assert "secret" in caplog.text


def test_a_taken_port(demo_shop):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(DefinitionError, match=f"can't listen on 127.0.0.1, port {port}: .*in use"):
            serve(demo_shop.lookup, port=port)


@pytest.mark.parametrize(
    ("host", "port", "message"),
    [("127.0.0.1", 70000, "no port 70000"), ("192.0.2.1", 0, "can't listen on 192.0.2.1, port 0")],
)
def test_an_impossible_address(demo_shop, host, port, message):
    with pytest.raises(DefinitionError, match=message):
        serve(demo_shop.lookup, host, port, access=Access([("secret", Client("model"))]))


def test_without_the_extra(demo_shop, monkeypatch):
    monkeypatch.setitem(sys.modules, "starlette", None)
    with pytest.raises(MissingExtra, match="'serve'"):
        application(demo_shop.lookup, Access())
    with pytest.raises(MissingExtra, match="'serve'"):
        serve(demo_shop.lookup)


def test_the_rest_of_a_lookup_needs_no_server():
    code = "import sys, asof.serving.http; print({'starlette', 'uvicorn'} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, env=environment()
    )
    assert done.stdout.strip() == "set()"


def environment():
    return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_process_that_serves_and_ends_with_the_request_under_way(demo_shop, tmp_path, number):
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-c", SERVER, str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    ) as server:
        address = urlsplit(server.stdout.readline().strip())
        body = json.dumps({"keys": [{"household_id": 1}]}).encode()
        with socket.create_connection((address.hostname, address.port)) as connection:
            head = f"POST {CHURN} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n"
            connection.sendall(f"{head}Expect: 100-continue\r\n\r\n".encode())
            assert connection.recv(1000).startswith(b"HTTP/1.1 100")
            server.send_signal(number)
            connection.sendall(body)
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
        assert b" 200 OK" in answer
        assert b'"spend__baskets_7d":3' in answer
        assert server.wait(20) == -number
