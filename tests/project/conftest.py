"""A small project with everything in it: three sources, enrichment, a label, a training set, a service."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

DEFINITIONS = """
from asof import *

customer = Entity("customer", keys={"customer_id": Int64})
product = Entity("product", keys={"sku": String})

orders = Source(
    "orders",
    reader=Files("data/orders-*.csv"),
    schema={"customer_id": Int64, "sku": String, "amount": Decimal(10, 2), "at": Timestamp},
    event_time="at",
    clean=[drop_where(col("amount") == 0), dedupe("customer_id", "sku", "at")],
    expect=[between("amount", low=0, on_fail="quarantine")],
)
catalogue = Source(
    "catalogue",
    reader=Files("data/catalogue.jsonl"),
    schema={"sku": String, "brand": String},
    known_since="2024-01-01",
)
people = Source(
    "people",
    reader=Files("data/people.csv"),
    schema={"customer_id": Int64, "city": String, "moved": Timestamp},
    event_time="moved",
)

brands = FeatureView("brands", entity=product, source=catalogue, features=["brand"])
spend = FeatureView(
    "spend",
    entity=customer,
    source=orders,
    enrich=[brands],
    features=[
        Sum("amount", over=["7d", "30d"]),
        Count(over="7d"),
        Count(where=col("brands__brand") == "own", name="own_brand", over="30d"),
        Last("sku"),
        DaysSinceLast(),
    ],
)
person = FeatureView("person", entity=customer, source=people, features=["city"])
quiet = Label(
    "quiet", entity=customer, source=orders, at=every("7d"), horizon="14d", outcome=Count() == 0
)
churn = TrainingSet(
    "churn", label=quiet, features=[spend, person], split=ByTime(test="14d", embargo="14d")
)
model = FeatureService("model", features=[spend, person])
"""

JANUARY = """\
customer_id,sku,amount,at
1,a,10.00,2024-01-02T10:00:00
1,b,5.50,2024-01-03T11:00:00
2,a,1.00,2024-01-04T00:00:00
2,a,1.00,2024-01-04T00:00:00
3,c,zero,2024-01-05T00:00:00
3,c,0.00,2024-01-06T00:00:00
3,b,-4.00,2024-01-07T00:00:00
3,b,4.00,2024-01-08T00:00:00
"""
FEBRUARY = """\
customer_id,sku,amount,at
1,a,2.25,2024-02-01T08:00:00
2,b,7.00,2024-02-10T09:30:00
,b,7.00,2024-02-11T09:30:00
4,d,3.00,2024-02-20T23:59:59.999999
"""
MARCH = """\
customer_id,sku,amount,at
4,a,8.00,2024-03-20T12:00:00
1,b,1.75,2024-01-15T12:00:00
"""
CATALOGUE = '{"sku": "a", "brand": "own"}\n{"sku": "b", "brand": "other"}\n{"sku": "c", "brand": null}\n'
PEOPLE = """\
customer_id,city,moved
1,Paris,2024-01-01T00:00:00
1,Rome,2024-02-01T00:00:00
2,Oslo,2024-01-20T00:00:00
"""


@pytest.fixture(scope="session")
def make_shop() -> Callable[[Path], Path]:
    """Makes the small project in a folder, with the orders of January and February."""

    def make(folder: Path) -> Path:
        (folder / "data").mkdir(parents=True)
        (folder / "asof.toml").write_text('name = "shop"\ndefinitions = "definitions.py"\n')
        (folder / "definitions.py").write_text(dedent(DEFINITIONS))
        (folder / "data/orders-01.csv").write_text(JANUARY)
        (folder / "data/orders-02.csv").write_text(FEBRUARY)
        (folder / "data/catalogue.jsonl").write_text(CATALOGUE)
        (folder / "data/people.csv").write_text(PEOPLE)
        return folder

    return make


@pytest.fixture
def shop(tmp_path: Path, make_shop: Callable[[Path], Path]) -> Path:
    """The small project."""
    return make_shop(tmp_path / "shop")


@pytest.fixture(scope="session")
def march() -> str:
    """A third file of orders, with one late row."""
    return MARCH
