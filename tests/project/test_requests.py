"""Request-time features in training sets: computed from the rows that are the cut-offs, as online."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pyarrow as pa
import pytest

import asof
from asof.project import Project
from asof.serving.instants import to_text

DEFINITIONS = """
from asof import *
import pyarrow as pa
import pyarrow.compute as pc

customer = Entity("customer", keys={"customer_id": Int64})
orders = Source(
    "orders",
    reader=Files("data/orders*.csv"),
    schema={"customer_id": Int64, "amount": Float64, "at": Timestamp},
    event_time="at",
)
baskets = Source(
    "baskets",
    reader=Files("data/baskets*.csv"),
    schema={"customer_id": Int64, "total": Float64, "shop": String, "items": Int64, "at": Timestamp},
    event_time="at",
)
spend = FeatureView("spend", entity=customer, source=orders, features=[Count(), Sum("amount", over="10d")])


@on_demand_feature_view(
    request={"total": Float64, "shop": String},
    features=[spend.select("amount_sum_10d")],
    outputs={"share": Float64, "shop": String},
)
def till(rows):
    shop = pc.utf8_upper(rows["shop"])
    return pa.table({"share": pc.divide(rows["total"], rows["spend__amount_sum_10d"]), "shop": shop})


@on_demand_feature_view(request={"amount": Float64}, outputs={"twice": Float64})
def order(rows):
    return pa.table({"twice": pc.multiply(rows["amount"], 2.0)})


paid = Label(
    "paid", entity=customer, source=orders, at=each_event(baskets), horizon="5d", outcome=Count() > 0
)
again = Label("again", entity=customer, source=orders, at=each_event(), horizon="5d", outcome=Count() > 0)
sales = TrainingSet("sales", label=paid, features=[till, spend.select("count")])
repeats = TrainingSet("repeats", label=again, features=[order, spend.select("count")], strict=True)
model = FeatureService("model", features=[till, spend.select("count")])
"""
ORDERS = """\
customer_id,amount,at
1,10,2024-01-01T00:00:00
1,20,2024-01-03T00:00:00
1,30,2024-01-03T00:00:00
2,40,2024-01-04T00:00:00
2,50,2024-01-20T00:00:00
"""
BASKETS = """\
customer_id,total,shop,items,at
1,5,a,1,2024-01-02T00:00:00
2,8,,2,2024-01-14T12:00:00
1,15,b,3,2024-01-05T00:00:00
1,,a,3,2024-01-05T00:00:00
3,9,c,1,2024-01-15T00:00:00
2,10,d,1,2024-01-15T00:00:00
"""


def write(folder: Path, definitions: str = DEFINITIONS) -> Path:
    (folder / "data").mkdir(exist_ok=True)
    (folder / "asof.toml").write_text('name = "shop"\ndefinitions = "definitions.py"\n')
    (folder / "definitions.py").write_text(dedent(definitions))
    (folder / "data/orders.csv").write_text(ORDERS)
    (folder / "data/baskets.csv").write_text(BASKETS)
    return folder


def built(project: Project, name: str) -> pa.Table:
    project.apply(force=True)
    project.run()
    project.build_training_set(name)
    return project.read_training_set(name)


def test_each_row_is_computed_from_the_row_that_is_its_cut_off(tmp_path: Path) -> None:
    with asof.open(str(write(tmp_path))) as project:
        rows = built(project, "sales")
    assert rows.column_names == [
        "customer_id",
        "cutoff",
        "paid",
        "spend__count",
        "till__share",
        "till__shop",
    ]
    found = [(row["customer_id"], row["till__share"], row["till__shop"]) for row in rows.to_pylist()]
    assert found == [
        (1, 0.5, "A"),
        (1, 0.25, "B"),
        (1, None, "A"),
        (2, None, None),
        (2, None, "D"),
        (3, None, "C"),
    ]


def test_it_is_the_historical_answer_for_the_same_requests(tmp_path: Path) -> None:
    with asof.open(str(write(tmp_path))) as project:
        rows = built(project, "sales")
        baskets = project.workspace.read("clean/baskets").select(["customer_id", "at", "total", "shop"])
        labels = baskets.rename_columns(["customer_id", "cutoff", "total", "shop"])
        historical = project.get_historical("model", labels).select(
            ["customer_id", "cutoff", *rows.column_names[3:]]
        )
    assert in_order(rows.drop_columns("paid")) == in_order(historical)


def in_order(rows: pa.Table) -> list[str]:
    return sorted(str(row) for row in rows.to_pylist())


def test_it_is_the_answer_that_was_given_online(tmp_path: Path) -> None:
    """What was looked up on the 4th comes back when baskets of that moment are trained on later."""
    write(tmp_path)
    head, *early, last = ORDERS.splitlines(keepends=True)
    (tmp_path / "data/orders.csv").write_text("".join([head, *early]))
    with asof.open(str(tmp_path)) as project:
        project.apply()
        project.run()
        request = [{"total": 6.0, "shop": "a"}, {"total": 4.0, "shop": "e"}, {"total": None, "shop": None}]
        keys = [{"customer_id": customer} for customer in (1, 2, 7)]
        online = project.get("model", keys, request=request)
    moment = "2024-01-04T00:00:00"
    (tmp_path / "data/orders-later.csv").write_text(head + last)
    (tmp_path / "data/baskets-later.csv").write_text(
        f"customer_id,total,shop,items,at\n1,6,a,1,{moment}\n2,4,e,1,{moment}\n7,,,1,{moment}\n"
    )
    with asof.open(str(tmp_path)) as project:
        rows = built(project, "sales")
    assert to_text(online.as_of) == f"{moment}Z"
    at_the_moment = [row for row in rows.to_pylist() if row["cutoff"].isoformat() == f"{moment}+00:00"]
    trained = [{name: row[name] for name in online.names} for row in at_the_moment]
    assert trained == [dict(zip(online.names, row, strict=True)) for row in online.rows]
    assert trained[1] == {"spend__count": 1, "till__share": 0.1, "till__shop": "E"}


def test_of_the_labels_own_events_the_last_that_became_known_is_asked(tmp_path: Path) -> None:
    with asof.open(str(write(tmp_path))) as project:
        rows = built(project, "repeats").to_pylist()
    assert [
        (row["customer_id"], row["cutoff"].day, row["order__twice"], row["spend__count"]) for row in rows
    ] == [
        (1, 1, 20.0, 0),
        (1, 3, 60.0, 1),
        (2, 4, 80.0, 0),
    ]


def test_columns_that_are_asked_for_later_are_laid_out_then(tmp_path: Path) -> None:
    without = DEFINITIONS.replace("features=[till, spend.select", "features=[spend.select")
    with asof.open(str(write(tmp_path, without))) as project:
        assert built(project, "sales").num_rows == 6
    write(tmp_path)
    with asof.open(str(tmp_path)) as project:
        assert [table.table for table in project.plan().tables] == ["cutoffs/paid"]
        assert "till__share" in built(project, "sales").column_names


def test_a_request_that_fails_names_the_row(tmp_path: Path) -> None:
    check = 'if pc.any(pc.equal(rows["shop"], "b")).as_py():\n        raise ValueError("no b")\n    shop ='
    with asof.open(str(write(tmp_path, DEFINITIONS.replace("shop = pc.", f"{check} pc.")))) as project:
        project.apply()
        project.run()
        with pytest.raises(
            asof.DataError,
            match=r"'till' fails on the row with customer_id 1, cutoff 2024-01-05.*: ValueError: no b",
        ):
            project.build_training_set("sales")
        assert project.training_sets() == []
