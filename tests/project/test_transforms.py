"""Functions of a team in a whole project: laid out, trained on, looked up; the same offline and online."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from asof.errors import Conflict, DataError, DefinitionError
from asof.project import Project

DEFINITIONS = """
from asof import *
import narwhals as nw
import pyarrow as pa
import pyarrow.compute as pc

RATE = 2
customer = Entity("customer", keys={"customer_id": Int64})
orders = Source(
    "orders",
    reader=Files("data/orders.csv"),
    schema={"customer_id": Int64, "sku": String, "amount": Float64, "at": Timestamp},
    event_time="at",
)

@feature_view(
    entity=customer,
    source=orders,
    inputs=["amount", "sku"],
    outputs={"euros": Float64, "kind": String},
    features=[Sum("euros", over="30d"), Count(where=col("kind") == "A", over="30d", name="as"), "kind"],
    frame="narwhals",
)
def spend(rows):
    return rows.select(euros=nw.col("amount") * RATE, kind=nw.col("sku").str.to_uppercase())

@on_demand_feature_view(
    request={"amount": Float64},
    features=[spend.select("euros_sum_30d", "kind")],
    outputs={"share": Float64, "kind": String},
)
def basket(rows):
    return pa.table({
        "share": pc.divide(rows["amount"], rows["spend__euros_sum_30d"]),
        "kind": pc.binary_join_element_wise(rows["spend__kind"], "!", ""),
    })

@on_demand_feature_view(features=[spend.select("euros_sum_30d")], outputs={"double": Float64})
def twice(rows):
    return pa.table({"double": pc.multiply(rows["spend__euros_sum_30d"], 2.0)})

quiet = Label("quiet", entity=customer, source=orders, at=every("7d"), horizon="7d", outcome=Count() == 0)
churn = TrainingSet("churn", label=quiet, features=[twice, spend.select("as_30d")])
model = FeatureService("model", features=[basket, spend.select("kind")])
"""
ORDERS = """\
customer_id,sku,amount,at
1,a,10.0,2024-01-02T10:00:00
1,b,5.5,2024-01-03T11:00:00
2,a,1.0,2024-01-04T00:00:00
3,,,2024-01-20T00:00:00
"""
END = datetime(2024, 1, 20, tzinfo=UTC)


def write(folder: Path, definitions: str = DEFINITIONS, orders: str = ORDERS) -> Path:
    (folder / "data").mkdir(parents=True, exist_ok=True)
    (folder / "asof.toml").write_text('name = "shop"\ndefinitions = "definitions.py"\n')
    (folder / "definitions.py").write_text(definitions)
    (folder / "data/orders.csv").write_text(orders)
    return folder


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """The project, brought up to date."""
    with Project.open(str(write(tmp_path_factory.mktemp("shop")))) as project:
        project.apply()
        project.run()
        yield project


def labels(customers: list[int], amounts: list[float | None]) -> pa.Table:
    return pa.table(
        {
            "customer_id": pa.array(customers, pa.int64()),
            "cutoff": pa.array([END] * len(customers), pa.timestamp("us", "UTC")),
            "amount": pa.array(amounts, pa.float64()),
        }
    )


def test_offline_is_what_the_functions_say(shop: Project) -> None:
    assert shop.get_historical("model", labels([1, 2, 9], [3.1, None, 1.0])).select(
        [3, 4, 5]
    ).to_pydict() == {
        "spend__kind": ["B", "A", None],
        "basket__share": [3.1 / 31.0, None, None],
        "basket__kind": ["B!", "A!", None],
    }


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=30)
@given(
    asked=st.lists(
        st.tuples(st.integers(1, 4), st.one_of(st.none(), st.floats(allow_infinity=False))), max_size=5
    )
)
def test_online_is_what_it_is_offline(shop: Project, asked: list[tuple[int, float | None]]) -> None:
    customers, amounts = [customer for customer, _ in asked], [amount for _, amount in asked]
    online = shop.get(
        "model",
        [{"customer_id": customer} for customer in customers],
        request=[{"amount": amount} for amount in amounts],
        now=END,
    )
    offline = shop.get_historical("model", labels(customers, amounts))
    assert online.to_arrow().drop_columns("customer_id") == offline.drop_columns(
        ["customer_id", "cutoff", "amount"]
    )


def test_a_training_set_has_them(shop: Project) -> None:
    shop.build_training_set("churn")
    rows = shop.read_training_set("churn")
    assert rows.column_names == ["customer_id", "cutoff", "quiet", "spend__as_30d", "twice__double"]
    assert set(rows["twice__double"].to_pylist()) == {62.0, 4.0}


def test_labels_need_the_columns_of_the_request(shop: Project) -> None:
    with pytest.raises(DefinitionError, match="'basket' needs a column 'amount'"):
        shop.get_historical("model", labels([1], [1.0]).drop_columns("amount"))
    wrong = labels([1], [1.0]).set_column(2, "amount", pa.array(["much"]))
    with pytest.raises(DataError, match="'amount' is string in the labels, expected Float64"):
        shop.get_historical("model", wrong)


@pytest.mark.parametrize("change", [("RATE = 2", "RATE = 3"), ("to_uppercase", "to_lowercase")])
def test_a_changed_function_builds_anew(tmp_path: Path, change: tuple[str, str]) -> None:
    with Project.open(str(write(tmp_path))) as project:
        project.apply()
        project.run()
        before = project.get("model", {"customer_id": 1}, request={"amount": 3.1}, now=END).rows
    write(tmp_path, DEFINITIONS.replace(*change))
    with Project.open(str(tmp_path)) as project:
        assert ("views/spend", "rebuild") in [(table.table, table.action) for table in project.plan().tables]
        project.apply()
        project.run()
        assert project.get("model", {"customer_id": 1}, request={"amount": 3.1}, now=END).rows != before


def test_code_that_was_not_applied_is_not_served(tmp_path: Path) -> None:
    with Project.open(str(write(tmp_path))) as project:
        project.apply()
        project.run()
    write(tmp_path, DEFINITIONS.replace('"!"', '"?"'))
    with (
        Project.open(str(tmp_path)) as project,
        pytest.raises(Conflict, match="differs from what was applied"),
    ):
        project.get("model", {"customer_id": 1}, request={"amount": 3.1})


def refuse(folder: Path, body: str, match: str) -> None:
    wrong = DEFINITIONS.replace('return rows.select(euros=nw.col("amount") * RATE', body)
    with Project.open(str(write(folder, wrong))) as project:
        for step in (project.plan, project.apply):
            with pytest.raises(DefinitionError, match=match):
                step()
        assert project.tables() == []


@pytest.mark.parametrize(
    ("body", "match"),
    [
        ("return rows.select(euro=nw.col('amount')", "'spend' returned a column 'euro'"),
        ("return rows.select(euros=nw.col('sku')", "'spend' returned 'euros' as string"),
        ("return rows.select(euros=nw.col('amonut')", "'spend' fails on a table without rows"),
        ("return rows.select(euros=nw.col('amount') - nw.col('amount').mean()", "with that row alone"),
    ],
)
def test_a_plan_tries_every_function(tmp_path: Path, body: str, match: str) -> None:
    refuse(tmp_path, body, match)


def test_a_run_that_fails_on_a_row_says_which_and_writes_nothing(tmp_path: Path) -> None:
    check = 'assert not (rows["amount"] == 7.0).any(), "seven"'
    definitions = DEFINITIONS.replace("return rows.select(", f"{check}\n    return rows.select(")
    orders = ORDERS + "2,a,7.0,2024-01-21T00:00:00\n"
    with Project.open(str(write(tmp_path, definitions, orders))) as project:
        project.apply()
        with pytest.raises(
            DataError, match=r"_sequence 4, customer_id 2: AssertionError: seven \(definitions.py:"
        ):
            project.run()
        assert "views/spend" not in {table.table for table in project.tables()}
