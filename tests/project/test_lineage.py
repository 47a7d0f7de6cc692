"""Lineage against what runs really make: whatever a change of a column changes is downstream of it."""

from __future__ import annotations

import csv
import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import asof
from asof.features.lineage.graph import Graph, Node
from asof.lineage import column_graph
from asof.project import Project

DEFINITIONS = """
import pyarrow as pa
import pyarrow.compute as pc
from asof import *

customer = Entity("customer", keys={"customer_id": Int64})
product = Entity("product", keys={"sku": String})

orders = Source(
    "orders",
    reader=Files("orders.csv"),
    schema={
        "customer_id": Int64, "sku": String, "amount": Float64, "channel": String, "note": String,
        "rating": Float64, "born": Date, "at": Timestamp,
    },
    event_time="at",
    clean=[
        trim("channel"),
        split("note", into=["first", "rest"], on="-"),
        one_hot("channel", ["web", "shop"]),
        age("born"),
        fill_previous("rating", by=["customer_id"]),
        drop_where(col("amount") > 90),
        dedupe("born", "channel", keep="latest"),
        rename({"first": "word"}),
    ],
    expect=[between("amount", low=2, on_fail="quarantine")],
)
products = Source(
    "products",
    reader=Files("products.csv"),
    schema={"sku": String, "brand": String, "weight": Float64, "since": Timestamp, "known": Timestamp},
    event_time="since",
    created="known",
    identity=["sku", "since"],
)
people = Source(
    "people",
    reader=Files("people.csv"),
    schema={"customer_id": Int64, "city": String, "moved": Timestamp},
    event_time="moved",
)

brands = FeatureView(
    "brands", entity=product, source=products, features=["brand", Last("weight", name="weight")]
)
spend = FeatureView(
    "spend",
    entity=customer,
    source=orders,
    enrich=[brands],
    derive=[derive("double", Float64, col("amount") * 2)],
    features=[
        Sum("double", over="20d"),
        Sum("amount", where=col("brands__brand") == "own", name="own"),
        Count(over="20d"),
        Last("word"),
        Max("age"),
        Mean("rating"),
        DaysSinceLast(),
        Ratio(Sum("brands__weight"), Count(), name="mean_weight"),
        Sum("amount", by="channel_web", categories={"yes": 1, "no": 0}),
    ],
)
person = FeatureView("person", entity=customer, source=people, features=["city"])

@feature_view(entity=customer, source=orders, inputs=["channel_shop", "rest"], outputs={"told": String})
def told(rows):
    shop = pc.cast(rows["channel_shop"], pa.string())
    return pa.table({"told": pc.binary_join_element_wise(shop, pc.fill_null(rows["rest"], "?"), "/")})

@on_demand_feature_view(features=[spend.select("own")], outputs={"half": Float64})
def halved(rows):
    return pa.table({"half": pc.divide(rows["spend__own"], 2.0)})

busy = Label(
    "busy", entity=customer, source=orders, at=every("7d"), horizon="14d", outcome=Sum("amount") > 40
)
churn = TrainingSet(
    "churn",
    label=busy,
    features=[spend, person, told, halved],
    split=[ByTime(test="14d"), ByEntity(test=0.3)],
    sample=Sample(positives=1.0, negatives=0.7),
)
model = FeatureService("model", features=[spend, person, told, halved])
"""
START = datetime(2024, 1, 1, tzinfo=UTC)
KEYS = range(1, 7)
Rows = list[dict[str, Any]]
Values = dict[Node, object]


def drawn() -> dict[str, Rows]:
    """The rows of all sources, always the same."""
    draw = random.Random(7)

    def day(last: int) -> datetime:
        return START + timedelta(days=draw.randrange(last), minutes=draw.randrange(1440))

    return {
        "orders": [
            {
                "customer_id": draw.choice(KEYS),
                "sku": draw.choice("abcdefgh"),
                "amount": draw.randrange(100),
                "channel": draw.choice(["web", " shop", "phone"]),
                "note": draw.choice(["one-two", "three", "four-five-six"]),
                "rating": draw.choice([1, 2, 5, ""]),
                "born": f"{draw.randrange(1970, 2000)}-05-05",
                "at": day(70).isoformat(),
            }
            for _ in range(120)
        ],
        "products": [
            {
                "sku": sku,
                "brand": draw.choice(["own", "other"]),
                "weight": draw.randrange(1, 9),
                "since": (since := day(40)).isoformat(),
                "known": (since + timedelta(days=draw.randrange(3))).isoformat(),
            }
            for sku in "abcdefgh"
            for _ in range(2)
        ],
        "people": [
            {"customer_id": key, "city": draw.choice(["Rome", "Oslo"]), "moved": day(40).isoformat()}
            for key in KEYS
            for _ in range(2)
        ],
    }


def written(folder: Path, data: dict[str, Rows]) -> Path:
    folder.mkdir()
    (folder / "asof.toml").write_text('name = "shop"\ndefinitions = "definitions.py"\n')
    (folder / "definitions.py").write_text(DEFINITIONS)
    for name, rows in data.items():
        with (folder / f"{name}.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, rows[0].keys())
            writer.writeheader()
            writer.writerows(rows)
    return folder


def values(project: Project) -> Values:
    """What every feature, label, column of the training set and of the service is."""
    project.apply()
    project.run()
    project.build_training_set("churn")
    return {**_trained(project.read_training_set("churn")), **_served(project), **_asked(project)}


def _trained(rows: pa.Table) -> Values:
    """The columns of the training set by its rows, and which rows there are."""
    keys = [(row["customer_id"], row["cutoff"]) for row in rows.to_pylist()]
    columns = {name: rows[name].to_pylist() for name in rows.column_names}
    found = {
        Node("training_set/churn", name): dict(zip(keys, column, strict=True))
        for name, column in columns.items()
    }
    return {**found, Node("training_set/churn"): frozenset(keys)}


def _served(project: Project) -> Values:
    vectors = project.get("model", [{"customer_id": key} for key in KEYS]).to_dicts()
    names = vectors[0].keys() - {"customer_id"}
    return {Node("service/model", name): [vector[name] for vector in vectors] for name in names}


def _asked(project: Project) -> Values:
    """The features of views at cut-offs that are always the same."""
    asked = [(key, START + timedelta(days=days)) for key in KEYS for days in range(0, 80, 9)]
    labels = pa.table(
        {
            "customer_id": pa.array([key for key, _ in asked], pa.int64()),
            "cutoff": pa.array([at for _, at in asked], pa.timestamp("us", "UTC")),
        }
    )
    found = project.get_historical("model", labels)
    return {
        Node(f"view/{name.partition('__')[0]}", name.partition("__")[2]): found[name].to_pylist()
        for name in found.column_names
        if "__" in name and not name.startswith("halved")
    }


def changed(before: Values, after: Values) -> set[Node]:
    """What has other values, of a training set in the rows that are in both."""
    return {node for node in before if _differ(before[node], after[node])}


def _differ(one: object, other: object) -> bool:
    if isinstance(one, dict) and isinstance(other, dict):
        return any(one[key] != other[key] for key in one.keys() & other.keys())
    return one != other


def shuffled(column: str, rows: Rows) -> Rows:
    """The rows with a column's values moved one row on: all that could be read still can."""
    moved = [row[column] for row in rows[-1:] + rows[:-1]]
    return [{**row, column: value} for row, value in zip(rows, moved, strict=True)]


def spoiled(column: str, rows: Rows) -> Rows:
    """The rows with a column that can't be read, or is missing, in every third."""
    return [{**row, column: "~" if place % 3 == 0 else row[column]} for place, row in enumerate(rows)]


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Values, Graph]]:
    with asof.open(written(tmp_path_factory.mktemp("before") / "shop", drawn())) as project:
        yield values(project), column_graph(project.definitions)


COLUMNS = [(source, column) for source, rows in drawn().items() for column in rows[0]]


@pytest.mark.slow
@pytest.mark.parametrize(("change", "stage"), [(shuffled, "raw"), (spoiled, "source")])
@pytest.mark.parametrize(("source", "column"), COLUMNS)
def test_what_changes_with_a_column_is_downstream_of_it(
    source: str,
    column: str,
    change: Callable[[str, Rows], Rows],
    stage: str,
    before: tuple[Values, Graph],
    tmp_path: Path,
) -> None:
    data = drawn()
    data[source] = change(column, data[source])
    with asof.open(written(tmp_path / "shop", data)) as project:
        found = changed(before[0], values(project))
    graph = before[1]
    downstream = {edge.target for edge in graph.downstream([Node(f"{stage}/{source}", column)])}
    assert found <= downstream
    assert found <= graph.nodes


def test_the_graph_has_every_column_that_is_made(before: tuple[Values, Graph]) -> None:
    made, graph = before
    assert made.keys() <= graph.nodes
    assert {node for node in graph.nodes if node.dataset == "training_set/churn"} <= made.keys()


def test_a_change_shows_and_goes_no_farther_than_it_may(before: tuple[Values, Graph], tmp_path: Path) -> None:
    """Else the test above could not fail."""
    data = drawn()
    data["people"] = shuffled("city", data["people"])
    with asof.open(written(tmp_path / "shop", data)) as project:
        found = changed(before[0], values(project))
    assert found == {
        Node("view/person", "city"),
        Node("training_set/churn", "person__city"),
        Node("service/model", "person__city"),
    }
    downstream = {edge.target for edge in before[1].downstream([Node("clean/people", "city")])}
    assert downstream == found
