"""A late event changes what it falls into and no more: a bucket, a key online, windows in training sets."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable

from asof.project import Project
from asof.storage.layout import bucket_of
from asof.transforms import buckets

START = datetime(2024, 1, 1, tzinfo=UTC)
CUSTOMERS, DAYS = 20, 60
LATE_CUSTOMER, LATE_DAY, LATE_AMOUNT = 7, 30, 1_000
DEFINITIONS = """
from asof import *

customer = Entity("customer", keys={"customer": Int64})
orders = Source(
    "orders",
    reader=Files("orders-*.csv"),
    schema={"customer": Int64, "amount": Int64, "at": Timestamp},
    event_time="at",
)
spend = FeatureView(
    "spend", entity=customer, source=orders,
    features=[Sum("amount", over=["7d", "14d"], name="spent"), Count(name="orders")],
)
quiet = Label("quiet", entity=customer, source=orders, at=every("5d"), horizon="5d", outcome=Count() == 0)
churn = TrainingSet("churn", label=quiet, features=[spend])
model = FeatureService("model", features=[spend])
"""
Order = tuple[int, int, datetime]
"""Customer, amount, time."""


def write(folder: Path, number: int, orders: list[Order]) -> None:
    lines = [f"{customer},{amount},{at:%Y-%m-%dT%H:%M:%S}\n" for customer, amount, at in orders]
    (folder / f"orders-{number}.csv").write_text("customer,amount,at\n" + "".join(lines))


@pytest.fixture
def orders() -> list[Order]:
    draw = random.Random(5)
    return [
        (
            draw.randrange(CUSTOMERS),
            draw.randrange(1, 50),
            START + timedelta(days=day, minutes=draw.randrange(1440)),
        )
        for day in range(DAYS)
        for _ in range(4)
    ]


@pytest.fixture
def late() -> Order:
    return LATE_CUSTOMER, LATE_AMOUNT, START + timedelta(days=LATE_DAY, hours=5)


@pytest.fixture
def project(tmp_path: Path, orders: list[Order], monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """A project that was run, whose tables have several buckets."""
    monkeypatch.setattr(buckets, "ROWS_PER_BUCKET", 40)
    (tmp_path / "asof.toml").write_text('definitions = "definitions.py"\n')
    (tmp_path / "definitions.py").write_text(DEFINITIONS)
    write(tmp_path, 0, orders)
    with Project.open(str(tmp_path)) as opened:
        opened.apply()
        opened.run()
        yield opened


def files(project: Project, table: str) -> dict[str, int]:
    """The bucket of each file of a table, by path."""
    version = project.workspace.current(table)
    found = DeltaTable(project.workspace.table(table).uri, version=version.version)
    actions = found.get_add_actions(flatten=True)
    names = list(actions.schema.names)
    path, bucket = (actions.column(names.index(name)).to_pylist() for name in ("path", "partition._bucket"))
    return dict(zip(path, bucket, strict=True))


@pytest.mark.parametrize("table", ["views/spend", "labels/quiet"])
def test_only_its_bucket_gets_a_file(project: Project, late: Order, table: str) -> None:
    before = files(project, table)
    write(project.settings.folder, 1, [late])
    project.run()
    after = files(project, table)
    version = project.workspace.current(table)
    key = (
        project.workspace.read(table, columns=["customer"])
        .slice(0, 1)
        .set_column(0, "customer", [[LATE_CUSTOMER]])
    )
    [bucket] = bucket_of(key, ["customer"], version.details["buckets"])
    assert version.details["buckets"] > 1
    assert before.items() <= after.items()
    assert [after[path] for path in after.keys() - before.keys()] == [bucket]


def online(project: Project) -> list[dict[str, Any]]:
    return project.get("model", [{"customer": key} for key in range(CUSTOMERS)]).to_dicts()


def test_online_only_its_key_changes(project: Project) -> None:
    before = online(project)
    write(project.settings.folder, 1, [(LATE_CUSTOMER, LATE_AMOUNT, START + timedelta(days=DAYS - 5))])
    project.run()
    after = online(project)
    assert [key for key in range(CUSTOMERS) if before[key] != after[key]] == [LATE_CUSTOMER]
    assert (
        after[LATE_CUSTOMER]["spend__spent_7d"]
        == (before[LATE_CUSTOMER]["spend__spent_7d"] or 0) + LATE_AMOUNT
    )
    [step] = [step for step in project.steps(project.runs()[0].id) if step.name == "publish spend"]
    assert step.rows_written == 1


Row = dict[str, Any]


def training_rows(project: Project) -> dict[tuple[int, datetime], Row]:
    project.build_training_set("churn")
    rows = project.read_training_set("churn").to_pylist()
    return {(row["customer"], row["cutoff"]): row for row in rows}


def expected(orders: list[Order], customer: int, cutoff: datetime) -> Row:
    """The features and the label, written down slowly and plainly."""

    def amounts(since: timedelta, until: timedelta = timedelta(0)) -> list[int]:
        within = (cutoff + since, cutoff + until)
        return [amount for who, amount, at in orders if who == customer and within[0] < at <= within[1]]

    week, fortnight = amounts(timedelta(days=-7)), amounts(timedelta(days=-14))
    return {
        "customer": customer,
        "cutoff": cutoff,
        "quiet": not amounts(timedelta(0), timedelta(days=5)),
        "spend__spent_7d": sum(week) if week else None,
        "spend__spent_14d": sum(fortnight) if fortnight else None,
        "spend__orders": len(amounts(timedelta(days=-10_000))),
    }


def test_a_training_set_changes_only_where_a_window_covers_it(
    project: Project, orders: list[Order], late: Order
) -> None:
    before = training_rows(project)
    write(project.settings.folder, 1, [late])
    project.run()
    after = training_rows(project)
    assert before.keys() == after.keys()
    for rows, known in ((before, orders), (after, [*orders, late])):
        for (customer, cutoff), row in rows.items():
            assert {name: row[name] for name in expected(known, customer, cutoff)} == expected(
                known, customer, cutoff
            )
    changed = {key: {name for name in row if row[name] != before[key][name]} for key, row in after.items()}
    at = late[2]
    for (customer, cutoff), names in changed.items():
        covered = set()
        if customer == LATE_CUSTOMER:
            covered |= {"spend__spent_7d"} if at <= cutoff < at + timedelta(days=7) else set()
            covered |= {"spend__spent_14d"} if at <= cutoff < at + timedelta(days=14) else set()
            covered |= {"spend__orders"} if at <= cutoff else set()
            horizon = cutoff < at <= cutoff + timedelta(days=5)
            covered |= {"quiet"} if horizon and before[customer, cutoff]["quiet"] else set()
        assert names == covered, (customer, cutoff)
    assert any("spend__spent_7d" in names for names in changed.values())
