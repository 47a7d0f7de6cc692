"""What is published by its changes is what publishing all of it would be, whatever comes and whenever."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.storage.online.conftest import PROGRAM, RedisServer

from asof.project import Project
from asof.steps import publish

START = datetime(2024, 1, 1, tzinfo=UTC)
CUSTOMERS = 6
DEFINITIONS = """
from asof import *

customer = Entity("customer", keys={"customer": Int64, "shop": String})
orders = Source(
    "orders",
    reader=Files("orders-*.csv"),
    schema={"customer": Int64, "shop": String, "amount": Int64, "kind": String, "at": Timestamp},
    event_time="at",
)
windows = FeatureView(
    "windows", entity=customer, source=orders,
    features=[
        Sum("amount", over=["3d", "7d"]), Count(over="2d", offset="1d"), Max("amount", over="36h"),
        Sum("amount", over="5d", by="kind", name="by_kind"),
        Ratio(Count(where=col("kind") == "a"), Count(), over="4d", name="share"),
    ],
)
history = FeatureView(
    "history", entity=customer, source=orders, ttl="4d",
    features=["kind", Sum("amount", over="3d"), Last("amount"), Count()],
)
held = FeatureView("held", entity=customer, source=orders, ttl="2d", features=["amount"])
aging = FeatureView("aging", entity=customer, source=orders, features=[DaysSinceLast()])
model = FeatureService("model", features=[windows, history, held, aging])
"""
VIEWS = ("windows", "history", "held", "aging")
Order = tuple[int, str, int, str, int]
"""Customer, shop, amount, kind, and the hour since the start."""


def orders(latest: int) -> st.SearchStrategy[list[Order]]:
    """A few orders, some of them late."""
    order = st.tuples(
        st.integers(0, CUSTOMERS - 1), st.sampled_from("xy"), st.integers(1, 9), st.sampled_from("ab"),
        st.integers(max(0, latest - 24 * 9), latest),
    )  # fmt: skip
    return st.lists(order, max_size=3)


@st.composite
def lives(draw: st.DrawFn) -> list[list[Order]]:
    """What comes before each of a few runs, time going by between them."""
    first = [(customer, shop, 5, "a", customer * 7) for customer in range(CUSTOMERS) for shop in "xy"]
    life, latest = [first], 48
    for _ in range(draw(st.integers(1, 3))):
        latest += draw(st.sampled_from([1, 12, 24, 36, 100]))
        tick = (0, "x", 1, "a", latest)
        life.append([*draw(orders(latest)), tick])
    return life


def write(folder: Path, number: int, rows: list[Order]) -> None:
    lines = [
        f"{customer},{shop},{amount},{kind},{START + timedelta(hours=hour):%Y-%m-%dT%H:%M:%S}\n"
        for customer, shop, amount, kind, hour in rows
    ]
    (folder / f"orders-{number}.csv").write_text("customer,shop,amount,kind,at\n" + "".join(lines))


@pytest.fixture(scope="session")
def redis(tmp_path_factory: pytest.TempPathFactory, require: Callable[[str, object], None]) -> Iterator[str]:
    require("redis-server or valkey-server", PROGRAM)
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server.url
    server.kill()


@pytest.fixture(scope="module", params=["lmdb", pytest.param("redis", marks=pytest.mark.slow)])
def make(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Makes an empty project whose online store is of the kind."""
    server = request.getfixturevalue("redis") if request.param == "redis" else None

    def made(name: str) -> Path:
        folder = tmp_path_factory.mktemp(name)
        online = f'online = "{server}?prefix={folder.name}-{folder.parent.name}"\n' if server else ""
        (folder / "asof.toml").write_text(f'definitions = "definitions.py"\n{online}')
        (folder / "definitions.py").write_text(DEFINITIONS)
        return folder

    return made


def served(project: Project, latest: datetime) -> list[Any]:
    keys = [{"customer": customer, "shop": shop} for customer in range(CUSTOMERS) for shop in "xy"]
    found = project.get("model", keys, now=latest)
    return [found.as_of, found.to_dicts(), found.statuses, found.event_times]


def how(project: Project) -> dict[str, Any]:
    steps = {step.name: step for step in project.steps(project.runs()[0].id)}
    return {view: steps[f"publish {view}"].details.get("entities") for view in VIEWS}


@settings(max_examples=12)
@given(life=lives())
def test_changes_make_what_publishing_all_makes(life: list[list[Order]], make: Callable[[str], Path]) -> None:
    step_by_step, at_once = make("changes"), make("all")
    with Project.open(str(step_by_step)) as changing, Project.open(str(at_once)) as whole:
        changing.apply()
        whole.apply()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(publish, "MOST_CHANGED", 1.0)
            for number, rows in enumerate(life):
                write(step_by_step, number, rows)
                write(at_once, number, rows)
                changing.run()
        assert how(changing) == {view: "all" if view == "aging" else "changed" for view in VIEWS}
        whole.run()
        latest = START + timedelta(hours=max(hour for rows in life for *_, hour in rows))
        assert served(changing, latest) == served(whole, latest)
        changing.run(select=["model"], full=True)
        assert how_of(changing) == {"all"}
        assert served(changing, latest) == served(whole, latest)
    shutil.rmtree(step_by_step)
    shutil.rmtree(at_once)


def how_of(project: Project) -> set[Any]:
    return {step.details.get("entities") for step in project.steps(project.runs()[0].id)}


def test_only_the_entities_that_change_are_written(make: Callable[[str], Path]) -> None:
    folder = make("few")

    def run(number: int, *orders: Order) -> dict[str, tuple[int, Any]]:
        write(folder, number, list(orders))
        project.run()
        steps = project.steps(project.runs()[0].id)
        return {
            step.name.removeprefix("publish "): (step.rows_written, step.details["entities"])
            for step in steps
            if step.name.startswith("publish")
        }

    with Project.open(str(folder)) as project:
        project.apply()
        run(0, *((customer, "x", 5, "a", 0) for customer in range(40)))
        run(1, (0, "x", 5, "a", 24 * 20))
        assert run(2, (1, "x", 7, "b", 24 * 20 + 2)) == {
            "windows": (1, "changed"),
            "history": (1, "changed"),
            "held": (1, "changed"),
            "aging": (40, "all"),
        }
        # Three days later those two have left windows, and outlived the ttl of two days.
        assert run(3, (2, "x", 7, "b", 24 * 23 + 3)) == {
            "windows": (3, "changed"),
            "history": (3, "changed"),
            "held": (3, "changed"),
            "aging": (40, "all"),
        }


def test_a_store_that_lost_what_was_published_gets_all_of_it(make: Callable[[str], Path]) -> None:
    folder = make("lost")
    with Project.open(str(folder)) as project:
        project.apply()
        write(folder, 0, [(customer, "x", 5, "a", customer) for customer in range(CUSTOMERS)])
        project.run()
        for view in VIEWS:
            project.workspace.online.drop(view)
        write(folder, 1, [(0, "x", 7, "b", 24)])
        project.run()
        assert set(how(project).values()) == {"all"}
        found = project.get("model", {"customer": 5, "shop": "x"}, now=START + timedelta(days=1))
        assert found.to_dicts()[0]["history__count"] == 1
