"""Pushed rows: kept durably, taken in once, whatever happens in between."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest

import asof
from asof.errors import DataError, DefinitionError, NotFound
from asof.project import Project
from asof.storage.catalogue import Catalogue
from asof.storage.catalogue.pushes import KEY_KEPT

DEFINITIONS = """
from asof import *

customer = Entity("customer", keys={"customer_id": Int64})
orders = Source(
    "orders",
    reader=Push(),
    schema={"customer_id": Int64, "amount": Decimal(10, 2), "at": Timestamp},
    event_time="at",
)
files = Source("files", reader=Files("*.csv"), schema={"customer_id": Int64}, known_since="2024-01-01")
spend = FeatureView("spend", entity=customer, source=orders, features=[Sum("amount")])
model = FeatureService("model", features=[spend])
"""


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    (tmp_path / "asof.toml").write_text('name = "shop"\n')
    (tmp_path / "features").mkdir()
    (tmp_path / "features" / "definitions.py").write_text(DEFINITIONS)
    (tmp_path / "customers.csv").write_text("customer_id\n1\n")
    with Project.open(str(tmp_path)) as project:
        project.apply()
        yield project


def order(customer: int, amount: object = "1.50") -> dict[str, Any]:
    return {"customer_id": customer, "amount": amount, "at": "2024-05-01T12:00:00Z"}


def customers(project: Project) -> list[int]:
    return sorted(project.workspace.read("raw/orders")["customer_id"].to_pylist())


def test_a_project_runs_before_anything_was_pushed(project: Project) -> None:
    project.run()
    assert customers(project) == []
    assert project.run().status == "succeeded"


def test_what_is_pushed_is_taken_in_once_and_served(project: Project) -> None:
    assert project.push("orders", [order(1), order(2, "2.25")]) == 2
    table = pa.table({"customer_id": [1], "amount": ["3.00"], "at": ["2024-05-02T00:00:00+02:00"]})
    assert project.push("orders", table) == 1
    assert project.push("orders", pl.from_arrow(table)) == 1
    assert project.push("orders", table.to_batches()[0]) == 1
    assert "raw/orders" in {plan.table for plan in project.plan().tables}
    project.run()
    assert customers(project) == [1, 1, 1, 1, 2]
    project.run()
    assert customers(project) == [1, 1, 1, 1, 2]
    project.push("orders", [order(3)])
    project.run()
    assert customers(project) == [1, 1, 1, 1, 2, 3]
    found = project.lookup.get("model", [{"customer_id": 1}, {"customer_id": 3}])
    assert [str(row[0]) for row in found.rows] == ["10.50", "1.50"]


def test_a_row_that_does_not_fit_goes_to_quarantine_with_its_push(project: Project) -> None:
    project.push("orders", [order(1), order(2, "dear")])
    project.run()
    assert customers(project) == [1]
    (row,) = project.workspace.read("quarantine/orders").to_pylist()
    assert (row["origin"], row["line"], row["column"]) == ("push/1", 2, "amount")


def test_the_same_push_again_counts_once(project: Project) -> None:
    big = pa.Table.from_pylist([order(7)]).take(pa.array([0] * 70_000))
    for _ in range(2):
        project.push("orders", [order(1)], key="a")
        project.push("orders", big, key="b")
    project.run()
    project.push("orders", [order(1)], key="a")
    project.run()
    assert customers(project) == [1, *[7] * 70_000]


def test_rows_are_let_go_of_once_they_were_taken_in(project: Project) -> None:
    catalogue = project.workspace.catalogue
    project.push("orders", [order(1)])
    project.push("orders", [order(2)], key="kept")
    project.run()
    assert catalogue.pushes_waiting("orders", 0) == [1, 2]
    project.push("orders", [order(3)])
    project.run()
    assert catalogue.pushes_waiting("orders", 0) == [3]


@pytest.fixture(params=["sqlite", "postgresql"])
def catalogue(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Catalogue]:
    postgres = request.param == "postgresql"
    url = request.getfixturevalue("postgres") if postgres else str(tmp_path / "catalogue.db")
    with Catalogue(url) as catalogue:
        yield catalogue


def test_pushes_of_many_at_once_are_numbered_as_they_become_seen(catalogue: Catalogue) -> None:
    """A reader that goes on after the greatest number that it has seen misses none."""
    seen: list[int] = []

    def push(who: int) -> None:
        for at in range(10):
            catalogue.push("orders", "json", [f'{{"from":"{who}/{at}"}}'.encode()])

    with ThreadPoolExecutor(4) as threads:
        pushing = [threads.submit(push, who) for who in range(4)]
        while not all(done.done() for done in pushing):
            seen += catalogue.pushes_waiting("orders", seen[-1] if seen else 0)
        for done in pushing:
            done.result()
    seen += catalogue.pushes_waiting("orders", seen[-1] if seen else 0)
    assert seen == list(range(1, 41))
    assert len({catalogue.pushed("orders", number).rows for number in seen}) == 40


def test_keys_of_one_source_are_not_those_of_another(catalogue: Catalogue) -> None:
    assert KEY_KEPT.days == 7
    for source in ("orders", "visits", "orders"):
        catalogue.push(source, "json", [b"{}"], key="same")
    assert [len(catalogue.pushes_waiting(source, 0)) for source in ("orders", "visits")] == [1, 1]


def test_what_can_not_be_pushed_is_told(project: Project) -> None:
    with pytest.raises(NotFound, match=r"no source 'order' is applied .*; did you mean 'orders'\?"):
        project.push("order", [])
    with pytest.raises(DefinitionError, match=r"source 'files' is read by Files"):
        project.push("files", [])
    with pytest.raises(DataError, match="got int"):
        project.push("orders", 7)
    with pytest.raises(DataError, match="a row is a dict by column, got int 7"):
        project.push("orders", [7])
    with pytest.raises(DataError, match="can't be written as JSON"):
        project.push("orders", [{"at": object()}])


def test_asof_push_finds_the_project(project: Project) -> None:
    assert asof.push("orders", [order(5)], path=str(project.settings.folder)) == 1
    project.run()
    assert customers(project) == [5]
