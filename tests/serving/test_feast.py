"""The wire of Feast's feature server, by hand and by Feast's own client."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from tests.serving.conftest import AS_OF, Shop, online

from asof.serving.http import serving

FEATURES = "/get-online-features"
EPOCH = "1970-01-01T00:00:00Z"


@pytest.fixture(scope="module")
def client(shared_shop: Shop) -> Iterator[httpx.Client]:
    with serving(shared_shop.lookup) as url, httpx.Client(base_url=url) as opened:
        yield opened


def ask(client: httpx.Client, **body: Any) -> dict[str, Any]:
    answer = client.post(FEATURES, json=body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def refused(client: httpx.Client, status: int, *words: str, address: str = FEATURES, **body: Any) -> None:
    answer = client.post(address, json=body)
    assert answer.status_code == status
    told = json.loads(answer.json())
    assert set(told) == {"module", "class", "message"}
    for word in words:
        assert word in told["message"]


def test_features_come_by_column(client: httpx.Client) -> None:
    found = ask(client, entities={"household_id": [1, 9]}, features=["spend:baskets_7d", "spend:amount_7d"])
    assert found == {
        "results": [
            {"values": [1, 9], "statuses": ["PRESENT", "PRESENT"], "event_timestamps": [EPOCH, EPOCH]},
            {
                "values": [3, 0],
                "statuses": ["PRESENT", "NOT_FOUND"],
                "event_timestamps": ["2024-05-01T00:00:00Z", EPOCH],
            },
            {
                "values": [12.3, None],
                "statuses": ["PRESENT", "NOT_FOUND"],
                "event_timestamps": ["2024-05-01T00:00:00Z", EPOCH],
            },
        ],
        "metadata": {"feature_names": ["household_id", "baskets_7d", "amount_7d"]},
    }


def test_a_service_with_full_names_and_its_views(client: httpx.Client) -> None:
    found = ask(
        client,
        entities={"household_id": ["2"]},
        feature_service="churn",
        full_feature_names=True,
        include_feature_view_version_metadata=True,
    )
    names = ["household_id", "spend__baskets_7d", "spend__amount_7d", "person__age"]
    assert found["metadata"] == {
        "feature_names": names,
        "feature_view_metadata": [{"name": "spend"}, {"name": "person"}],
    }
    assert [column["statuses"] for column in found["results"]] == [
        ["PRESENT"],
        ["PRESENT"],
        ["NULL_VALUE"],
        ["NOT_FOUND"],
    ]


def test_what_is_past_its_ttl_says_so(client: httpx.Client) -> None:
    found = ask(client, entities={"household_id": [3]}, features=["person:name"])
    assert found["results"][1] == {
        "values": [None],
        "statuses": ["OUTSIDE_MAX_AGE"],
        "event_timestamps": ["2024-04-21T00:00:00Z"],
    }


def test_values_that_json_has_not(shop: Shop) -> None:
    rows = online(
        [AS_OF],
        id=["a"],
        high=[float("inf")],
        low=pa.array([float("-inf")], pa.float32()),
        day=pa.array([datetime(2024, 2, 29).date()]),
        at=pa.array([datetime(2024, 2, 29, 1, 2, 3, 500, UTC)], pa.timestamp("us", "UTC")),
        raw=pa.array([b"a"]),
    )
    shop.publish("odd", ["id"], rows)
    shop.apply(
        {"odd": ["view/odd"]}, entity__thing={"kind": "Entity", "name": "thing", "keys": [["id", "string"]]}
    )
    with serving(shop.lookup) as url, httpx.Client(base_url=url) as client:
        found = ask(client, entities={"thing": ["a"]}, feature_service="odd")
        assert found["metadata"]["feature_names"][0] == "id"
        assert [column["values"][0] for column in found["results"]] == [
            "a",
            "Infinity",
            "-Infinity",
            "2024-02-29T00:00:00Z",
            "2024-02-29T01:02:03.000500Z",
            "YQ==",
        ]


@pytest.mark.parametrize(
    ("status", "word", "body"),
    [
        (404, "did you mean 'spend'", {"features": ["spent:amount_7d"]}),
        (404, "amount_7d", {"features": ["spend:amount_8d"]}),
        (404, "no service", {"feature_service": "chum"}),
        (422, "write it as view:feature", {"features": ["spend"]}),
        (422, "give one of", {}),
        (422, "give one of", {"features": ["spend:amount_7d"], "feature_service": "churn"}),
        (422, "household_id", {"features": ["spend:amount_7d"], "entities": {"household": [1]}}),
        (
            422,
            "1 and 2 rows",
            {"features": ["spend:amount_7d"], "entities": {"household_id": [1], "x": [1, 2]}},
        ),
        (422, "no rows", {"features": ["spend:amount_7d"], "entities": {}}),
        (422, "expected int64", {"features": ["spend:amount_7d"], "entities": {"household_id": ["one"]}}),
        (422, "entities", {"features": ["spend:amount_7d"], "entities": [1]}),
        (422, "at most 1000", {"features": ["spend:amount_7d"], "entities": {"household_id": [1] * 1001}}),
    ],
)
def test_what_can_not_be_answered_is_told_as_feast_does(
    client: httpx.Client, status: int, word: str, body: dict[str, Any]
) -> None:
    refused(client, status, word, **{"entities": {"household_id": [1]}, **body})


def test_what_is_no_json(client: httpx.Client) -> None:
    answer = client.post(FEATURES, content=b"{")
    assert answer.status_code == 400
    assert "not JSON" in json.loads(answer.json())["message"]


def test_features_of_one_name_need_full_names(shop: Shop) -> None:
    for view in ("one", "other"):
        shop.publish(view, ["id"], online([AS_OF], id=[1], age=[7]))
    shop.apply({"both": ["view/one", "view/other"]})
    with serving(shop.lookup) as url, httpx.Client(base_url=url) as client:
        refused(client, 422, "full_feature_names", entities={"id": [1]}, feature_service="both")
        found = ask(client, entities={"id": [1]}, feature_service="both", full_feature_names=True)
        assert found["metadata"]["feature_names"] == ["id", "one__age", "other__age"]


def test_rows_are_pushed(shop: Shop) -> None:
    shop.apply({}, source__events={"kind": "Source", "name": "events", "reader": {"kind": "Push"}})
    with serving(shop.lookup) as url, httpx.Client(base_url=url) as client:
        body = {"push_source_name": "events", "df": {"id": [1, 2], "amount": [1.10, None]}, "to": "online"}
        answer = client.post("/push", json=body)
        assert (answer.status_code, answer.json()) == (202, {"rows": 2})
        waiting = shop.catalogue.pushes_waiting("events", 0)
        kept = shop.catalogue.pushed("events", waiting[0]).rows
        assert [json.loads(line) for line in kept.splitlines()] == [
            {"id": 1, "amount": 1.1},
            {"id": 2, "amount": None},
        ]
        refused(client, 404, "events", address="/push", push_source_name="event", df={"id": [1]})
        refused(
            client, 422, "1 and 2", address="/push", push_source_name="events", df={"a": [1], "b": [1, 2]}
        )
        refused(client, 422, "df", address="/push", push_source_name="events")
        refused(client, 422, "POST /push", address="/write-to-online-store", feature_view_name="x", df={})


CLIENT = """
import json, sys
from datetime import timedelta
from feast import Entity, FeatureService, FeatureStore, FeatureView, Field, FileSource, RepoConfig, ValueType
from feast.types import Float64, Int64, String

url, folder = sys.argv[1:]
store = FeatureStore(config=RepoConfig(
    project="shop", provider="local", registry=f"{folder}/registry.db",
    online_store={"type": "remote", "path": url}, offline_store={"type": "file"},
    entity_key_serialization_version=3,
))
household = Entity(name="household", join_keys=["household_id"], value_type=ValueType.INT64)
source = FileSource(path=f"{folder}/nothing.parquet", timestamp_field="at")
def view(view, **fields):
    schema = [Field(name=field, dtype=dtype) for field, dtype in fields.items()]
    given = {"entities": [household], "ttl": timedelta(0), "schema": schema, "source": source}
    return FeatureView(name=view, online=True, **given)
spend, person = view("spend", baskets_7d=Int64, amount_7d=Float64), view("person", age=Int64, name=String)
store.apply([household, spend, person, FeatureService(name="churn", features=[spend, person[["age"]]])])
asked = [{"household_id": key} for key in (1, 2, 3, 9)]
by_name = store.get_online_features(["spend:baskets_7d", "spend:amount_7d", "person:name"], asked).to_dict()
churn = store.get_feature_service("churn")
service = store.get_online_features(churn, asked, full_feature_names=True).to_dict()
print(json.dumps([by_name, service]))
"""


@pytest.mark.slow
def test_feasts_own_client_reads(
    demo_shop: Shop, tmp_path: Path, require: Callable[[str, object], None]
) -> None:
    require("the extra 'feast'", find_spec("feast"))
    today = [datetime.now(UTC)] * 2
    people = online(today, household_id=[1, 3], age=[40, None], name=["Ann", "Bo"])
    demo_shop.publish("person", ["household_id"], people, ttl=timedelta(days=5))
    parquet.write_table(pa.table({"at": pa.array([AS_OF])}), tmp_path / "nothing.parquet")
    with serving(demo_shop.lookup) as url:
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", CLIENT, url, str(tmp_path)],
            capture_output=True,
            text=True,
            timeout=300,
            env={"FEAST_USAGE": "False", "HOME": str(tmp_path), "PATH": ""},
        )
    assert done.returncode == 0, done.stderr
    by_name, service = json.loads(done.stdout.splitlines()[-1])
    assert by_name == {
        "household_id": [1, 2, 3, 9],
        "baskets_7d": [3, 0, 0, 0],
        "amount_7d": [12.3, None, None, None],
        "name": ["Ann", None, "Bo", None],
    }
    assert service == {
        "household_id": [1, 2, 3, 9],
        "spend__baskets_7d": [3, 0, 0, 0],
        "spend__amount_7d": [12.3, None, None, None],
        "person__age": [40, None, None, None],
    }
