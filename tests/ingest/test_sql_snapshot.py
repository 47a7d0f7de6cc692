"""Tables that are compared as a whole: what is new, what changed, what vanished."""

from __future__ import annotations

import json
import runpy
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import asof
from asof.errors import DataError, DefinitionError
from asof.features.readers import Snapshot, Sql
from asof.features.source import Source
from asof.features.types import Bool, Int64, String, Timestamp

WORLD = runpy.run_path(str(Path(__file__).with_name("sql_world.py")))
Taking, make_world = WORLD["Taking"], WORLD["world"]
KINDS = WORLD["KINDS"]


@pytest.fixture(params=KINDS)
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    return WORLD["world_of"](request, tmp_path)


def people(world: Any, *, deleted: str | None = "deleted", memory: int = 64 << 20, **reader: Any) -> Any:
    if "query" not in reader:
        reader["table"] = "people"
    snapshot = Snapshot(key=["id"], known_at="seen_at", deleted=deleted)
    schema = {"id": Int64, "city": String, "seen_at": Timestamp}
    source = Source(
        "people",
        reader=Sql(world.address, snapshot=snapshot, **reader),
        schema=schema | ({"deleted": Bool} if deleted else {}),
        event_time="seen_at",
        created="seen_at",
        identity=["id"],
        retracted=deleted,
    )
    return Taking(source, memory)


def create(world: Any, *rows: tuple[int, str]) -> None:
    world.do("CREATE TABLE people (id BIGINT PRIMARY KEY, city VARCHAR(100))")
    for number, city in rows:
        world.do(f"INSERT INTO people VALUES ({number}, '{city}')")


def seen(rows: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return sorted((row["id"], row["city"], row["deleted"]) for row in rows)


def test_only_what_changed_is_taken_in(world: Any) -> None:
    create(world, (1, "Paris"), (2, "Oslo"), (3, "Rome"))
    taking = people(world)
    before = datetime.now(UTC)
    first = taking.run()
    assert seen(first) == [(1, "Paris", False), (2, "Oslo", False), (3, "Rome", False)]
    assert len({row["seen_at"] for row in first}) == 1
    assert before <= first[0]["seen_at"] <= datetime.now(UTC)
    assert not taking.pending()
    assert taking.run() == []
    world.do(
        "UPDATE people SET city = 'Nice' WHERE id = 1",
        "DELETE FROM people WHERE id = 2",
        "INSERT INTO people VALUES (4, 'Bern')",
    )
    assert taking.pending()
    second = taking.run()
    assert seen(second) == [(1, "Nice", False), (2, "Oslo", True), (4, "Bern", False)]
    assert {row["seen_at"] > first[0]["seen_at"] for row in second} == {True}
    assert taking.run() == []
    world.do("INSERT INTO people VALUES (2, 'Oslo')", "UPDATE people SET city = 'Paris' WHERE id = 1")
    assert seen(taking.run()) == [(1, "Paris", False), (2, "Oslo", False)]


def test_the_moment_never_goes_back(world: Any) -> None:
    create(world, (1, "Paris"))
    taking = people(world)
    taking.run()
    ahead = datetime.now(UTC) + timedelta(days=1)
    taking.cursor = {**taking.cursor, "known_at": ahead.isoformat()}
    world.do("UPDATE people SET city = 'Nice'")
    assert taking.run()[0]["seen_at"] == ahead + timedelta(microseconds=1)


def test_without_a_column_for_it_a_row_that_vanished_stays(world: Any) -> None:
    create(world, (1, "Paris"), (2, "Oslo"))
    taking = people(world, deleted=None)
    taking.run()
    world.do("DELETE FROM people WHERE id = 2")
    assert taking.run() == []


def test_a_bad_row_goes_to_quarantine_once_and_has_not_vanished(world: Any) -> None:
    world.do("CREATE TABLE people (id BIGINT PRIMARY KEY, city VARCHAR(100))")
    world.do("INSERT INTO people VALUES (1, '10'), (2, '20'), (3, 'thirty')")
    source = people(world).source
    reader = {"reader": source.reader, "event_time": "seen_at"}
    schema = {"id": Int64, "city": Int64, "seen_at": Timestamp, "deleted": Bool}
    taking = Taking(Source("people", schema=schema, **reader))
    assert seen(taking.run()) == [(1, 10, False), (2, 20, False)]
    world.do("UPDATE people SET city = 'twenty' WHERE id = 2")
    assert taking.run() == []
    assert taking.run() == []
    assert [json.loads(row["raw"])["city"] for row in taking.rejected] == ["thirty", "twenty"]
    world.do("UPDATE people SET city = '21' WHERE id = 2")
    assert seen(taking.run()) == [(2, 21, False)]


def test_a_key_that_two_rows_share(world: Any) -> None:
    world.do("CREATE TABLE people (id BIGINT, city VARCHAR(100))")
    world.do("INSERT INTO people VALUES (1, 'Paris'), (2, 'Oslo'), (2, 'Rome')")
    with pytest.raises(DataError, match="two rows have id=2; the key must tell rows apart"):
        people(world, memory=1).run()


@pytest.mark.parametrize("memory", [1, 300, 64 << 20])
def test_killed_at_any_batch_it_goes_on(world: Any, memory: int) -> None:
    create(world, *((number, f"city {number}") for number in range(50)))
    taking = people(world, memory=memory)
    while taking.run(batches=7):
        pass
    assert seen(taking.rows) == sorted((number, f"city {number}", False) for number in range(50))
    world.do("UPDATE people SET city = 'x' WHERE id % 2 = 0", "DELETE FROM people WHERE id % 3 = 0")
    rows = taking.run(batches=7)
    while more := taking.run(batches=7):
        rows += more
    assert (len(taking.tables) == 3) == (memory > 1000)
    assert sorted(row["id"] for row in rows if row["deleted"]) == list(range(0, 50, 3))
    assert sorted(row["id"] for row in rows if not row["deleted"]) == [
        number for number in range(50) if number % 2 == 0 and number % 3
    ]


def test_a_reading_that_breaks_off_takes_nothing_in(postgres: str, tmp_path: Path) -> None:
    world = make_world("postgresql", tmp_path, postgres)
    create(world, (1, "Paris"), (2, "Oslo"))
    taking = people(world)
    taking.run()
    world.do("DELETE FROM people WHERE id = 1")
    world.do("INSERT INTO people SELECT i, repeat('x', 100) FROM generate_series(3, 20000) i")
    broken = people(world, query="SELECT id, city || 1 / (19999 - id) AS city FROM people", memory=100_000)
    broken.tables, broken.cursor = taking.tables, taking.cursor
    with pytest.raises(DataError, match="division by zero"):
        broken.run()
    assert len(broken.rows) == 2
    assert seen(taking.run())[0] == (1, "Paris", True)


STATES = st.lists(st.dictionaries(st.integers(0, 6), st.sampled_from(["a", "b"])), min_size=1, max_size=5)


@settings(max_examples=30, suppress_health_check=list(HealthCheck))
@given(states=STATES, memory=st.sampled_from([1, 10**6]))
def test_history_has_every_state(
    states: list[dict[int, str]], memory: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The latest revision of each key up to a reading's moment is the table as it was then."""
    world = make_world("sqlite", tmp_path_factory.mktemp("sql"), None)
    create(world)
    taking, moments = people(world, memory=memory), []
    for state in states:
        world.do("DELETE FROM people", *(f"INSERT INTO people VALUES ({k}, '{v}')" for k, v in state.items()))
        taking.run()
        moments.append(datetime.now(UTC))
    for state, moment in zip(states, moments, strict=True):
        latest = {row["id"]: row for row in taking.rows if row["seen_at"] <= moment}
        assert {key: row["city"] for key, row in latest.items() if not row["deleted"]} == state
    expected = sum(
        before.get(key) != after.get(key)
        for before, after in pairwise([{}, *states])
        for key in before.keys() | after.keys()
    )
    assert len(taking.rows) == expected


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Snapshot(key=[], known_at="seen_at"), "key names no column"),
        (lambda: Snapshot(key=["seen_at"], known_at="seen_at"), "two columns are named 'seen_at'"),
        (lambda: Snapshot(key=["id"], known_at="Seen At"), "must be lower-case"),
        (
            lambda: Sql(
                "sqlite:///a.db", table="a", key=["id"], snapshot=Snapshot(["id"], known_at="seen_at")
            ),
            "a Snapshot has its own key",
        ),
    ],
)
def test_wrong_definitions(make: Any, message: str) -> None:
    with pytest.raises(DefinitionError, match=message):
        make()


def test_a_snapshot_that_does_not_fit_its_schema() -> None:
    with pytest.raises(DefinitionError, match="known_at 'seen_at' is String; it must be Timestamp"):
        Source(
            "people",
            reader=Sql("sqlite:///a.db", table="a", snapshot=Snapshot(["id"], known_at="seen_at")),
            schema={"id": Int64, "seen_at": String},
            known_since="2024-01-01",
        )


DEFINITIONS = """
from asof import *

customer = Entity("customer", keys={{"id": Int64}})
people = Source(
    "people",
    reader=Sql("{address}", table="people", snapshot=Snapshot(["id"], known_at="seen_at", deleted="deleted")),
    schema={{"id": Int64, "city": String, "seen_at": Timestamp, "deleted": Bool}},
    event_time="seen_at",
    created="seen_at",
    identity=["id"],
    retracted="deleted",
)
visits = Source(
    "visits",
    reader=Sql("{address}", table="visits", cursor="visited_at"),
    schema={{"visit": Int64, "id": Int64, "visited_at": Timestamp}},
    event_time="visited_at",
)
person = FeatureView("person", entity=customer, source=people, features=["city"])
back = Label("back", entity=customer, source=visits, at=each_event(), horizon="1s", outcome=Count() > 0)
training = TrainingSet("training", label=back, features=[person])
"""
CHANGES = ["SELECT 1", "UPDATE people SET city = 'Rome' WHERE id = 1", "DELETE FROM people WHERE id = 2"]


def test_a_training_set_sees_the_old_values(world: Any, tmp_path: Path) -> None:
    """Visits before each change of the table of people: their rows have the people as they were then."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "asof.toml").write_text('name = "shop"\ndefinitions = "definitions.py"\n')
    (folder / "definitions.py").write_text(DEFINITIONS.format(address=world.address))
    create(world, (1, "Paris"), (2, "Oslo"))
    world.do(f"CREATE TABLE visits (visit BIGINT PRIMARY KEY, id BIGINT, visited_at {world.time})")
    with asof.open(str(folder)) as project:
        project.apply()
        for number, change in enumerate(CHANGES):
            world.do(change)
            project.run()
            now = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S.%f}"
            for person in (1, 2):
                world.do(f"INSERT INTO visits VALUES ({2 * number + person}, {person}, '{now}')")
        world.do("INSERT INTO visits VALUES (99, 3, '2037-01-01 00:00:00')")
        project.run()
        assert project.plan().empty
        project.build_training_set("training")
        rows = project.read_training_set("training").to_pylist()
    cities = [row["person__city"] for row in rows]
    assert cities == ["Paris", "Oslo", "Rome", "Oslo", "Rome", None]
