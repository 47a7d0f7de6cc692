"""What goes online is of a moment at which all that was taken in is known, also where it was known late."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from tests.ingest.change_history import Change, Row

from asof.project import Project

START = datetime(2024, 1, 1, tzinfo=UTC)
DEFINITIONS = """
from asof import *

customer = Entity("customer", keys={"customer": Int64})
orders = Source(
    "orders",
    reader=Debezium(Files("orders-*.jsonl"), known_at="changed_at", deleted="deleted", time_unit="ms"),
    schema={
        "id": Int64, "customer": Int64, "amount": Int64, "ordered_at": Timestamp,
        "changed_at": Timestamp, "deleted": Bool,
    },
    event_time="ordered_at",
    created="changed_at",
    identity=["id"],
    retracted="deleted",
)
people = Source(
    "people",
    reader=Debezium(Files("people-*.jsonl"), known_at="changed_at", deleted="deleted"),
    schema={"customer": Int64, "city": String, "changed_at": Timestamp, "deleted": Bool},
    known_since="2024-01-01",
    created="changed_at",
    identity=["customer"],
    retracted="deleted",
)
last = FeatureView("last", entity=customer, source=orders, features=["amount"])
spend = FeatureView(
    "spend",
    entity=customer,
    source=orders,
    features=[Count(over="100d", name="n"), Sum("amount", over="100d", name="total")],
)
home = FeatureView("home", entity=customer, source=people, features=["city"])
quiet = Label(
    "quiet", entity=customer, source=orders, at=every("1h"), horizon="1h", outcome=Count() == 0
)
silence = TrainingSet("silence", label=quiet, features=[spend])
shop = FeatureService("shop", features=[last, spend])
homes = FeatureService("homes", features=[home])
"""


def moment(hours: float) -> int:
    return round((START + timedelta(hours=hours)).timestamp() * 1000)


def order(id: int, amount: int, hours: float = 0) -> Row:
    return {"id": id, "customer": 1, "amount": amount, "ordered_at": moment(hours)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "asof.toml").write_text('definitions = "definitions.py"\n')
    (tmp_path / "definitions.py").write_text(DEFINITIONS)
    tell(tmp_path, "people", [Change(moment(0), None, {"customer": 1, "city": "Rome"})])
    with Project.open(str(tmp_path)) as project:
        project.apply()
    return tmp_path


def tell(folder: Path, source: str, changes: Sequence[Change]) -> None:
    number = len(list(folder.glob(f"{source}-*.jsonl")))
    lines = "".join(change.event() + "\n" for change in changes)
    (folder / f"{source}-{number}.jsonl").write_text(lines)


def online(folder: Path, service: str = "shop") -> tuple[int, dict[str, Any]]:
    """After a run, the moment that is online, and the values of the customer."""
    with Project.open(str(folder)) as project:
        project.run()
        found = project.get(service, [{"customer": 1}])
        return found.as_of, found.to_dicts()[0]


def offline(folder: Path, as_of: int) -> dict[str, Any]:
    cutoff = pa.array([as_of], pa.int64()).cast(pa.timestamp("ns", "UTC"))
    with Project.open(str(folder)) as project:
        found = project.get_historical("shop", pa.table({"customer": [1], "cutoff": cutoff}))
        return found.drop_columns(["cutoff"]).to_pylist()[0]


def values(row: dict[str, Any]) -> tuple[Any, Any, Any]:
    return row["last__amount"], row["spend__n_100d"], row["spend__total_100d"]


def test_a_change_that_is_known_after_the_last_event_is_online_after_the_run(folder: Path) -> None:
    tell(folder, "orders", [Change(moment(1), None, order(1, 5)), Change(moment(2), None, order(2, 6, 1))])
    tell(folder, "orders", [Change(moment(9), order(2, 6, 1), order(2, 7, 1))])
    as_of, row = online(folder)
    assert as_of == moment(9) * 1_000_000
    assert values(row) == values(offline(folder, as_of)) == (7, 2, 12)
    tell(folder, "orders", [Change(moment(12), order(2, 7, 1), None)])
    as_of, row = online(folder)
    assert as_of == moment(12) * 1_000_000
    assert values(row) == values(offline(folder, as_of)) == (5, 1, 5)


def test_what_comes_late_and_was_known_before_does_not_take_the_moment_back(folder: Path) -> None:
    tell(folder, "orders", [Change(moment(9), None, order(1, 5))])
    first, _ = online(folder)
    tell(
        folder, "orders", [Change(moment(3), None, order(2, 6, 2)), Change(moment(4), None, order(3, 1, -1))]
    )
    second, row = online(folder)
    assert second == first == moment(9) * 1_000_000
    assert values(row) == values(offline(folder, second)) == (6, 3, 12)


def test_rows_of_no_event_time_that_are_known_late(folder: Path) -> None:
    tell(folder, "orders", [Change(moment(1), None, order(1, 5))])
    assert online(folder, "homes")[1]["home__city"] == "Rome"
    rome, oslo = {"customer": 1, "city": "Rome"}, {"customer": 1, "city": "Oslo"}
    tell(folder, "people", [Change(moment(30), rome, oslo)])
    assert online(folder, "homes")[1]["home__city"] == "Oslo"


def test_labels_are_mature_up_to_the_latest_event_all_the_same(folder: Path) -> None:
    tell(folder, "orders", [Change(moment(hour + 0.5), None, order(hour, 5, hour)) for hour in range(4)])
    tell(folder, "orders", [Change(moment(50), order(3, 5, 3), order(3, 6, 3))])
    online(folder)
    with Project.open(str(folder)) as project:
        manifest = project.build_training_set("silence").version.manifest
        assert manifest["labels"]["complete_until"] == moment(3) * 1_000_000
        assert max(project.read_training_set("silence")["cutoff"].to_pylist()) == START + timedelta(hours=2)
