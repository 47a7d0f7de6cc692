"""`asof ingest`, once and for as long as it runs, with a topic as a source."""

from __future__ import annotations

import json
import re
import signal
from pathlib import Path
from threading import Event, Thread

import pytest
from tests.ingest.kafka_cluster import new_topic, send
from tests.ingest.kafka_project import asof, make_project, taken, wait_until
from tests.ingest.test_kafka import order

from asof.errors import NotFound
from asof.project import Project
from asof.storage.catalogue import Step


@pytest.fixture
def topic(brokers: str) -> str:
    name = new_topic()
    send(brokers, name, [(None, order(1), 0), (None, "{", 0), (None, order(2), 1)])
    return name


@pytest.fixture
def shop(brokers: str, topic: str, tmp_path: Path) -> Path:
    return make_project(tmp_path / "shop", brokers, topic)


def test_once(shop: Path, brokers: str, topic: str) -> None:
    with Project.open(str(shop)) as project:
        done = project.ingest(["orders"])
        assert done.status == "succeeded"
        [step] = project.steps(done.id)
        assert (step.name, step.rows_read, step.rows_written) == ("ingest orders", 3, 2)
        assert [table.table for table in project.tables()] == ["quarantine/orders", "raw/orders"]
        send(brokers, topic, [(None, order(3), 0)])
        both = project.steps(project.ingest().id)
        assert {step.name: step.rows_read for step in both} == {"ingest orders": 1, "ingest others": 1}
        again = project.steps(project.ingest().id)
        assert {step.status for step in again} == {"skipped"}
    assert taken(shop) == [1, 2, 3]


def test_an_unknown_source(shop: Path) -> None:
    with Project.open(str(shop)) as project, pytest.raises(NotFound, match="did you mean 'orders'"):
        project.ingest(["order"])


def test_a_topic_that_is_still_empty(brokers: str, tmp_path: Path) -> None:
    topic = new_topic()
    send(brokers, topic, [])
    shop = make_project(tmp_path / "shop", brokers, f"{topic}")
    send(brokers, topic, [(None, order(1), 2)])
    with Project.open(str(shop)) as project:
        project.ingest(["orders"])
    assert taken(shop) == [1]


def test_following(shop: Path, brokers: str, topic: str) -> None:
    stop, steps = Event(), list[Step]()
    with Project.open(str(shop)) as project:
        runs = []
        follower = Thread(target=lambda: runs.append(project.ingest(follow=stop, on_step=steps.append)))
        follower.start()
        wait_until(lambda: taken(shop) == [1, 2] and taken(shop, "others") == [1])
        for number in (3, 4):
            send(brokers, topic, [(None, order(number), 0)])
            wait_until(lambda: taken(shop)[-1] == number)  # noqa: B023 called at once
        (shop / "others/2.jsonl").write_text('{"id": 2}\n')
        wait_until(lambda: taken(shop, "others") == [1, 2])
        assert project.runs()[0].status == "running"
        stop.set()
        follower.join(60)
        [run] = runs
        assert run.status == "succeeded"
        total = {step.name: step for step in project.steps(run.id)}
    orders = total["ingest orders"]
    assert (orders.rows_read, orders.rows_written, orders.rows_quarantined) == (5, 4, 1)
    assert orders.status == "succeeded"
    assert [step.rows_read for step in steps if step.name == "ingest orders"] == [3, 1, 1]


def test_runs_beside_a_follower(shop: Path, brokers: str, topic: str) -> None:
    """Both write the raw table and, with rows that are rejected on arrival and later, the quarantine."""
    definitions = shop / "definitions.py"
    rule = 'known_since="2024-01-01", expect=[between("id", high=12, on_fail="quarantine")]'
    definitions.write_text(definitions.read_text().replace('known_since="2024-01-01"', rule, 1))
    stop = Event()
    with Project.open(str(shop)) as followed, Project.open(str(shop)) as project:
        project.apply()
        follower = Thread(target=lambda: followed.ingest(follow=stop))
        follower.start()
        try:
            for number in range(10, 16):
                send(brokers, topic, [(None, order(number), 0), (None, "{", 1)])
                assert project.run().status == "succeeded"
            wait_until(lambda: 15 in taken(shop))
        finally:
            stop.set()
            follower.join(60)
        assert project.run().status == "succeeded"
        assert sorted(taken(shop)) == [1, 2, *range(10, 16)]
        assert sorted(project.workspace.read("clean/orders")["id"].to_pylist()) == [1, 2, 10, 11, 12]
        stages = sorted(project.workspace.read("quarantine/orders")["stage"].to_pylist())
        assert stages == ["clean"] * 3 + ["ingest"] * 7
        steps = [step for run in project.runs() for step in project.steps(run.id)]
        assert sum(step.rows_written for step in steps if step.name == "ingest orders") == 8
        assert {run.status for run in project.runs()} == {"succeeded"}


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_the_command_ends_when_it_is_told(shop: Path, brokers: str, topic: str, how: signal.Signals) -> None:
    with asof(shop, "ingest", "orders", "--follow") as command:
        wait_until(lambda: taken(shop) == [1, 2])
        send(brokers, topic, [(None, order(3), 3)])
        wait_until(lambda: taken(shop) == [1, 2, 3])
        command.send_signal(how)
        out, err = command.communicate(timeout=60)
    assert (command.returncode, err) == (0, "")
    first, second, *_ = out.splitlines()
    assert re.fullmatch(r"ingest orders +3 rows read, 2 written, 1 quarantined +\d+\.\ds", first)
    assert re.fullmatch(r"ingest orders +1 rows read, 1 written +\d+\.\ds", second)
    assert "took in 4 rows" in out
    with Project.open(str(shop)) as project:
        assert [run.status for run in project.runs()] == ["succeeded"]


def test_the_command_gives_json(shop: Path) -> None:
    with asof(shop, "ingest", "--json") as command:
        out, _ = command.communicate(timeout=60)
    found = json.loads(out)
    assert {step["name"]: step["rows_read"] for step in found["steps"]} == {
        "ingest orders": 3,
        "ingest others": 1,
    }
    assert found["run"]["status"] == "succeeded"
