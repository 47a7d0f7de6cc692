"""Aggregates by category in a whole project: maps in tables, in training sets, online and over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import httpx
import pyarrow as pa
import pytest

import asof
from asof.project import Project
from asof.serving.http import serving

DEFINITIONS = """
from asof import *

customer = Entity("customer", keys={"customer_id": Int64})
orders = Source(
    "orders",
    reader=Files("data/orders.csv"),
    schema={
        "customer_id": Int64, "shop": String, "floor": Int32, "amount": Decimal(8, 2), "at": Timestamp
    },
    event_time="at",
)
spend = FeatureView(
    "spend",
    entity=customer,
    source=orders,
    features=[
        Sum("amount", by="shop", over="30d"),
        Count(by="floor"),
        Last("at", by="shop", name="seen"),
        Count(),
    ],
)
again = FeatureView(
    "again", entity=customer, source=orders, enrich=[spend], features=["spend__count_by_floor"]
)
quiet = Label("quiet", entity=customer, source=orders, at=every("7d"), horizon="7d", outcome=Count() == 0)
churn = TrainingSet("churn", label=quiet, features=[spend, again])
model = FeatureService("model", features=[spend, again])
"""
ORDERS = """\
customer_id,shop,floor,amount,at
1,b,2,10.00,2024-01-02T10:00:00
1,a,-1,5.50,2024-01-03T11:00:00
1,b,2,0.25,2024-01-03T12:00:00
2,,1,1.00,2024-01-04T00:00:00
3,a,,7.00,2024-01-20T00:00:00
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    folder = tmp_path_factory.mktemp("shop")
    (folder / "data").mkdir()
    (folder / "asof.toml").write_text('name = "shop"\ndefinitions = "definitions.py"\n')
    (folder / "definitions.py").write_text(DEFINITIONS)
    (folder / "data/orders.csv").write_text(ORDERS)
    with asof.open(str(folder)) as project:
        project.apply()
        project.run()
        project.build_training_set("churn")
        yield project


def test_a_training_set_has_them(shop: Project) -> None:
    rows = shop.read_training_set("churn")
    assert rows["spend__amount_sum_by_shop_30d"].type == pa.map_(pa.string(), pa.decimal128(38, 2))
    found = rows.to_pylist(maps_as_pydicts="strict")
    assert [row["spend__amount_sum_by_shop_30d"] for row in found] == [
        {"a": Decimal("5.50"), "b": Decimal("10.25")},
        None,
    ]
    assert [row["spend__count_by_floor"] for row in found] == [{-1: 1, 2: 2}, {1: 1}]
    assert [row["again__spend__count_by_floor"] for row in found] == [{-1: 1, 2: 2}, {1: 1}]
    assert shop.build_training_set("churn").new is False


def test_online_is_what_it_is_offline(shop: Project) -> None:
    keys = [{"customer_id": customer} for customer in (1, 2, 3, 9)]
    online = shop.get("model", keys)
    cutoffs = pa.array([online.as_of] * len(keys)).cast(pa.timestamp("ns", "UTC"))
    offline = shop.get_historical("model", pa.Table.from_pylist(keys).append_column("cutoff", cutoffs))
    assert online.to_arrow() == offline.drop_columns("cutoff")
    assert online.rows[3] == (None, None, None, 0, None)
    assert online.rows[0][1] == {-1: 1, 2: 2}


def test_over_http_they_are_objects(shop: Project) -> None:
    with serving(shop.lookup) as url, httpx.Client(base_url=url) as client:
        path = "/v1/services/model/features"
        values = client.get(path, params={"customer_id": "1"}).json()["rows"][0]["values"]
        cards = client.get("/v1/services").json()["services"][0]["features"]
    assert values["spend__amount_sum_by_shop_30d"] == {"a": 5.5, "b": 10.25}
    assert values["spend__count_by_floor"] == {"-1": 1, "2": 2}
    assert values["spend__seen"] == {"a": "2024-01-03T11:00:00Z", "b": "2024-01-03T12:00:00Z"}
    assert {"name": "spend__seen", "type": "map(string,timestamp)"} in cards
