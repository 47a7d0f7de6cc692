"""One training set from files, S3, PostgreSQL and Kafka: the same as from files alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest
import s3fs
import sqlalchemy as sa
from tests.ingest.kafka_cluster import mock_cluster, new_topic, send
from tests.ingest.object_store import KEYS, s3_server

from asof.project import Project

DEFINITIONS = """
from asof import *

customer = Entity("customer", keys={{"customer_id": Int64}})
product = Entity("product", keys={{"sku": String}})
people = Source(
    "people", reader={people}, schema={{"customer_id": Int64, "city": String}}, known_since="2024-01-01"
)
products = Source(
    "products", reader={products}, schema={{"sku": String, "brand": String}}, known_since="2024-01-01"
)
orders = Source(
    "orders",
    reader={orders},
    schema={{"id": Int64, "customer_id": Int64, "sku": String, "amount": Decimal(10, 2), "at": Timestamp}},
    event_time="at",
)
visits = Source(
    "visits",
    reader={visits},
    schema={{"customer_id": Int64, "page": String, "at": Timestamp}},
    event_time="at",
)
person = FeatureView("person", entity=customer, source=people, features=["city"])
brands = FeatureView("brands", entity=product, source=products, features=["brand"])
spend = FeatureView(
    "spend",
    entity=customer,
    source=orders,
    enrich=[brands],
    features=[Sum("amount", over=["7d", "30d"]), Last("brands__brand"), Count(over="7d")],
)
browsing = FeatureView(
    "browsing", entity=customer, source=visits, features=[Count(over="7d"), CountDistinct("page", over="30d")]
)
quiet = Label(
    "quiet", entity=customer, source=orders, at=every("7d"), horizon="14d", outcome=Count() == 0
)
churn = TrainingSet("churn", label=quiet, features=[person, spend, browsing])
"""
FILES = {name: f'Files("{name}.csv")' for name in ("people", "products", "orders", "visits")}


def day(number: int) -> str:
    return f"2024-{3 + number // 30:02}-{1 + number % 30:02}T{number % 24:02}:00:00Z"


PEOPLE = [{"customer_id": id, "city": ["Oslo", "Paris", None][id % 3]} for id in range(8)]
PRODUCTS = [{"sku": f"s{id}", "brand": ["own", "other"][id % 2]} for id in range(5)]
ORDERS = [
    {"id": id, "customer_id": id * 5 % 8, "sku": f"s{id % 5}", "amount": f"{id % 13}.{id % 10}5"}
    | {"at": day(id)}
    for id in range(60)
]
VISITS = [{"customer_id": id * 3 % 8, "page": f"p{id % 4}", "at": day(id % 60)} for id in range(90)]


def from_files(folder: Path) -> None:
    for name, rows in (("people", PEOPLE), ("products", PRODUCTS), ("orders", ORDERS), ("visits", VISITS)):
        pacsv.write_csv(pa.Table.from_pylist(rows), folder / f"{name}.csv")


@pytest.fixture(scope="module")
def services() -> Iterator[tuple[str, str]]:
    """The addresses of a Kafka cluster and an S3 server."""
    with mock_cluster() as brokers, s3_server() as s3:
        yield brokers, s3


def built(folder: Path, readers: dict[str, str]) -> Any:
    (folder / "asof.toml").write_text('definitions = "definitions.py"\n')
    (folder / "definitions.py").write_text(DEFINITIONS.format(**readers))
    with Project.open(str(folder)) as project:
        project.apply()
        project.run()
        again = [step.status for step in project.steps(project.run().id)]
        assert set(again) == {"skipped"}
        version = project.build_training_set("churn").version
        return version.manifest, project.read_training_set("churn").to_pylist()


def test_one_training_set_from_everywhere(
    tmp_path: Path, services: tuple[str, str], postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    brokers, s3 = services
    folders = [tmp_path / name for name in ("files", "everywhere")]
    for folder in folders:
        folder.mkdir()
        from_files(folder)
    topic = new_topic()
    send(brokers, topic, [(None, json.dumps(visit), 0) for visit in VISITS])
    _into_postgres(postgres)
    _into_s3(s3)
    for name, value in {
        **KEYS,
        "ORDERS": postgres.replace("+psycopg", ""),
        "BROKERS": brokers,
        "S3": s3,
    }.items():
        monkeypatch.setenv(name, value)
    everywhere = FILES | {
        "products": 'Files("s3://shop/products/*.parquet", options={"endpoint_url": "${S3}"})',
        "orders": 'Sql("${ORDERS}", table="orders", cursor="at", overlap="1h")',
        "visits": f'Kafka("${{BROKERS}}", topic="{topic}")',
    }
    expected, expected_rows = built(folders[0], FILES)
    found, rows = built(folders[1], everywhere)
    assert rows == expected_rows
    assert found["rows"] == expected["rows"] > 50
    assert found["fingerprint"] == expected["fingerprint"]


def _into_postgres(url: str) -> None:
    insert = "INSERT INTO orders VALUES (:id, :customer_id, :sku, :amount, :at)"
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.execute(
            sa.text(
                "CREATE TABLE orders (id bigint PRIMARY KEY, customer_id bigint, sku text, "
                "amount numeric(10, 2), at timestamptz)"
            )
        )
        connection.execute(sa.text(insert), ORDERS)
    engine.dispose()


def _into_s3(address: str) -> None:
    store = s3fs.S3FileSystem(
        key=KEYS["AWS_ACCESS_KEY_ID"],
        secret=KEYS["AWS_SECRET_ACCESS_KEY"],
        endpoint_url=address,
        skip_instance_cache=True,
    )
    store.mkdir("shop")
    with store.open("shop/products/1.parquet", "wb") as file:
        pq.write_table(pa.Table.from_pylist(PRODUCTS), file)
