"""Aggregate functions of a team in a whole project: trained on, looked up, tried by a plan."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

import asof
from asof.errors import DataError, DefinitionError

DEFINITIONS = """
from asof import *
import pyarrow as pa
import pyarrow.compute as pc

FACTOR = 1
customer = Entity("customer", keys={"customer_id": Int64, "shop": String})
orders = Source(
    "orders",
    reader=Files("data/orders.csv"),
    schema={"customer_id": Int64, "shop": String, "amount": Float64, "at": Timestamp},
    event_time="at",
)


@aggregate_function(
    inputs=["amount", "at"], outputs={"first": Float64, "age": Int64}, over=["2d", "30d"]
)
def path(events, cutoff):
    age = pc.subtract(cutoff, pc.max(events["at"])).cast(pa.int64())
    return {"first": FACTOR * events["amount"][0].as_py(), "age": age}


spend = FeatureView("spend", entity=customer, source=orders, features=[path, Count()])
later = FeatureView(
    "later",
    entity=customer,
    source=orders,
    enrich=[spend],
    features=["spend__path_first_30d", Sum("spend__path_first_30d", over="30d")],
)
quiet = Label("quiet", entity=customer, source=orders, at=every("7d"), horizon="7d", outcome=Count() == 0)
churn = TrainingSet("churn", label=quiet, features=[spend])
model = FeatureService("model", features=[spend, later])
"""
ORDERS = """\
customer_id,shop,amount,at
1,a,10.0,2024-01-02T10:00:00
1,a,5.5,2024-01-03T11:00:00
2,b,1.0,2024-01-04T00:00:00
3,,7.0,2024-01-19T12:00:00
3,c,2.0,2024-01-20T00:00:00
"""
ASKED = [(1, "a"), (2, "b"), (3, "c"), (9, "a")]
BODY = 'return {"first": FACTOR * events["amount"][0].as_py(), "age": age}'


def write(folder: Path, definitions: str = DEFINITIONS, orders: str = ORDERS) -> Path:
    (folder / "data").mkdir(parents=True, exist_ok=True)
    (folder / "asof.toml").write_text('name = "shop"\ndefinitions = "definitions.py"\n')
    (folder / "definitions.py").write_text(definitions)
    (folder / "data/orders.csv").write_text(orders)
    return folder


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write(tmp_path_factory.mktemp("shop"))
    with asof.open(str(folder)) as project:
        project.apply()
        project.run()
        project.build_training_set("churn")
    return folder


def test_a_training_set_knows_the_window_of_each_cut_off(shop: Path) -> None:
    with asof.open(str(shop)) as project:
        rows = project.read_training_set("churn").to_pylist()
        fingerprint = project.training_set("churn").manifest["fingerprint"]
        columns = [
            "spend__path_first_2d",
            "spend__path_age_2d",
            "spend__path_first_30d",
            "spend__path_age_30d",
        ]
        found = [(row["customer_id"], row["cutoff"].day, *(row[name] for name in columns)) for row in rows]
        assert project.build_training_set("churn").version.manifest["fingerprint"] == fingerprint
    hour = 3_600_000_000
    assert found == [
        (1, 8, None, None, 10.0, (4 * 24 + 13) * hour),
        (2, 8, None, None, 1.0, 4 * 24 * hour),
    ]


def test_online_is_what_it_is_offline(shop: Path) -> None:
    keys = [
        {"customer_id": customer, "shop": at} for customer, at in [(1, "a"), (2, "b"), (3, "c"), (9, "a")]
    ]
    with asof.open(str(shop)) as project:
        online = project.get("model", keys)
        cutoffs = pa.array([online.as_of] * len(keys)).cast(pa.timestamp("ns", "UTC"))
        labels = pa.Table.from_pylist(keys).append_column("cutoff", cutoffs)
        offline = project.get_historical("model", labels)
    assert online.to_arrow() == offline.drop_columns("cutoff")
    assert online.rows[2] == (2.0, 0, 2.0, 0, 1, 2.0, 2.0)
    assert online.rows[3] == (None, None, None, None, 0, None, None)


def test_a_changed_function_is_another_training_set(tmp_path: Path) -> None:
    with asof.open(str(write(tmp_path))) as project:
        project.apply()
        project.run()
        before = project.build_training_set("churn").version
        online = project.get("model", {"customer_id": 1, "shop": "a"}).one()
    write(tmp_path, DEFINITIONS.replace("FACTOR = 1", "FACTOR = 2"))
    with asof.open(str(tmp_path)) as project:
        assert [table.table for table in project.plan().tables] == ["views/later"]
        project.apply()
        project.run()
        assert project.build_training_set("churn").version.version != before.version
        twice = project.get("model", {"customer_id": 1, "shop": "a"}).one()
    assert twice["spend__path_first_30d"] == 2 * online["spend__path_first_30d"]


@pytest.mark.parametrize(
    ("body", "error", "match"),
    [
        ('return {"first": 1.0}', DefinitionError, "'path' returned no 'age', only first"),
        (
            'return {"first": "x", "age": 1}',
            DefinitionError,
            "'path' returned 'x' as 'first', declared is Float64",
        ),
        ("return 1.0", DefinitionError, "'path' returned a float, expected a mapping with first, age"),
        (
            'COUNTS.append(1)\n    return {"first": float(len(COUNTS)), "age": 1}\nCOUNTS = []',
            DefinitionError,
            "'path' uses 'COUNTS', which isn't there yet",
        ),
        (
            'import random\n    return {"first": random.random(), "age": 1}',
            DefinitionError,
            "'path' gives another 'first' when it is called again",
        ),
    ],
)
def test_a_plan_tries_every_function(tmp_path: Path, body: str, error: type[Exception], match: str) -> None:
    folder = write(tmp_path, DEFINITIONS.replace(BODY, body))
    with pytest.raises(error, match=match), asof.open(str(folder)) as project:
        project.plan()


def test_it_need_not_take_rows_that_are_made_up(tmp_path: Path) -> None:
    picky = f'assert events["amount"][0].as_py() > 5.0, "not ours"\n    {BODY}'
    with asof.open(str(write(tmp_path, DEFINITIONS.replace(BODY, picky)))) as project:
        project.plan()


def test_a_plan_tries_it_on_rows_that_are_there(tmp_path: Path) -> None:
    with asof.open(str(write(tmp_path))) as project:
        project.apply()
        project.run()
    failing = f'assert events["amount"][-1].as_py() != 5.5, "odd"\n    {BODY}'
    write(tmp_path, DEFINITIONS.replace(BODY, failing))
    with (
        asof.open(str(tmp_path)) as project,
        pytest.raises(
            DataError,
            match=r"'path' fails for customer_id 1, shop a at the cut-off 2024-01-03 11:00.*: Assert.*: odd",
        ),
    ):
        project.plan()


def test_a_build_that_fails_names_the_entity_and_the_cut_off_and_writes_nothing(tmp_path: Path) -> None:
    failing = f'assert events.num_rows < 2 or cutoff.as_py().day != 8, "too many"\n    {BODY}'
    with asof.open(str(write(tmp_path, DEFINITIONS.replace(BODY, failing)))) as project:
        project.apply()
        project.run()
        with pytest.raises(
            DataError,
            match=r"FeatureView 'spend': 'path' fails for customer_id 1, shop a at the cut-off 2024-01-08 "
            r"00:00:00.*: AssertionError: too many \(definitions.py:\d+\)",
        ):
            project.build_training_set("churn")
        assert project.training_sets() == []
