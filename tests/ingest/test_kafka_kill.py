"""Killed at any moment, ingestion from a topic goes on to what an undisturbed one gives (P5)."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.ingest.kafka_cluster import Message, new_topic, send
from tests.ingest.kafka_project import asof, make_project, taken, wait_until
from tests.ingest.test_kafka import order

from asof.project import Project

SHARES = 4
LIFE = Path(__file__).with_name("kafka_life.py")
MESSAGES: list[Message] = [
    (None, "{" if number % 7 == 0 else order(number), number % 4) for number in range(40)
]


def live(folder: Path, *point: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, LIFE, folder, *point], capture_output=True, text=True, timeout=60)


def state(folder: Path) -> dict[str, Any]:
    """All that can be seen of the tables, but for times and runs."""
    with Project.open(str(folder)) as project:
        tables = {}
        for version in project.tables():
            rows = project.workspace.read(version.table)
            kept = rows.drop_columns(["run"]) if "run" in rows.column_names else rows
            tables[version.table] = (sorted(map(repr, kept.to_pylist())), version.cursor, version.through)
        return tables


@pytest.fixture(scope="module")
def undisturbed(brokers: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, Any], int]:
    """A topic, the state after an undisturbed ingestion from it, and the number of its commit points."""
    topic, folder = new_topic(), tmp_path_factory.mktemp("undisturbed") / "shop"
    send(brokers, topic, MESSAGES)
    done = live(make_project(folder, brokers, topic))
    assert done.returncode == 0, done.stderr
    return topic, state(folder), int(done.stdout)


def test_an_undisturbed_ingestion(undisturbed: tuple[str, dict[str, Any], int]) -> None:
    _, found, points = undisturbed
    rows, cursor, through = found["raw/orders"]
    assert (len(rows), through, len(found["quarantine/orders"][0])) == (34, 33, 6)
    assert cursor == {"offsets": dict.fromkeys("0123", 10)}
    assert points > 10


@pytest.mark.slow
@pytest.mark.parametrize("share", range(SHARES))
def test_killed_at_every_commit_point(
    share: int, undisturbed: tuple[str, dict[str, Any], int], brokers: str, tmp_path: Path
) -> None:
    topic, expected, points = undisturbed
    for point in range(1 + share, points + 1, SHARES):
        folder = make_project(tmp_path / str(point), brokers, topic)
        killed = live(folder, str(point))
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        again = live(folder)
        assert again.returncode == 0, again.stderr
        assert state(folder) == expected, f"after a kill at point {point}"


@pytest.mark.slow
def test_a_follower_that_is_killed_again_and_again(brokers: str, tmp_path: Path) -> None:
    topic, dice = new_topic(), random.Random(7)
    send(brokers, topic, MESSAGES[:1])
    shop = make_project(tmp_path / "shop", brokers, topic)
    sent = 1
    for _ in range(4):
        with asof(shop, "ingest", "orders", "--follow") as command:
            until = sent + dice.randint(3, 8)
            seen = len(taken(shop))
            while sent < until:
                send(brokers, topic, [MESSAGES[sent]])
                sent += 1
            wait_until(lambda: len(taken(shop)) > seen)  # noqa: B023 called at once
            command.kill()
    send(brokers, topic, MESSAGES[sent:])
    with Project.open(str(shop)) as project:
        project.ingest(["orders"])
        statuses = {run.status for run in project.runs()}
    assert sorted(taken(shop)) == [number for number in range(40) if number % 7]
    assert statuses == {"lost", "succeeded"}
