"""A process that follows sources, and runs of other processes beside it: each row once, and no deadlock."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.ingest.kafka_project import wait_until

from asof.project import Project
from asof.runs.following import raw_tables
from asof.runs.run import recorded
from asof.steps.ingest import ingest

DEFINITIONS = """
from asof import *

orders = Source(
    "orders",
    reader=Files("orders-*.csv"),
    schema={"id": Int64, "name": String},
    known_since="2024-01-01",
    expect=[not_null("name", on_fail="quarantine")],
)
"""
FILES, ROWS = 12, 6_000


@contextmanager
def asof(folder: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "asof", *arguments, "--project", str(folder)]
    with subprocess.Popen(
        command, env=os.environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "asof.toml").write_text('definitions = "definitions.py"\nmemory = "2 MB"\n')
    (tmp_path / "definitions.py").write_text(DEFINITIONS)
    with Project.open(str(tmp_path)) as project:
        project.apply()
    return tmp_path


def write(folder: Path, number: int) -> None:
    """A file of several loads, with one row that is rejected on arrival and one later."""
    ids = range(number * ROWS, (number + 1) * ROWS)
    lines = [f"{id},{'x' * (1 + id % 80) if id % ROWS else ''}\n" for id in ids]
    part = folder / f"{number}.part"
    part.write_text("id,name\n" + "".join(lines) + "none,y\n")
    part.rename(folder / f"orders-{number:02}.csv")


def taken(folder: Path) -> int:
    with Project.open(str(folder)) as project:
        found = project.workspace.catalogue.current("raw/orders")
        return found.rows if found else 0


def check(folder: Path) -> None:
    """Every row once, in raw, clean or quarantine, and counted once by whoever took it in."""
    with Project.open(str(folder)) as project:
        assert sorted(project.workspace.read("raw/orders")["id"].to_pylist()) == list(range(FILES * ROWS))
        sequence = project.workspace.read("raw/orders")["_sequence"].to_pylist()
        assert sorted(sequence) == list(range(FILES * ROWS))
        assert project.workspace.read("clean/orders").num_rows == FILES * (ROWS - 1)
        stages = Counter(project.workspace.read("quarantine/orders")["stage"].to_pylist())
        assert stages == {"ingest": FILES, "clean": FILES}
        steps = [step for run in project.runs(100) for step in project.steps(run.id)]
        read = sum(step.rows_read for step in steps if step.name == "ingest orders")
        assert read == FILES * (ROWS + 1)
        assert {run.status for run in project.runs(100)} == {"succeeded"}


@pytest.mark.slow
def test_runs_beside_a_follower(folder: Path) -> None:
    """Runs that come one after the other, while files come and are followed."""
    write(folder, 0)
    with asof(folder, "ingest", "--follow") as follower:
        wait_until(lambda: taken(folder) > 0)
        for number in range(1, FILES):
            write(folder, number)
            if number % 3 == 0:
                with asof(folder, "run") as run:
                    _, err = run.communicate(timeout=120)
                assert run.returncode == 0, err
        wait_until(lambda: taken(folder) == FILES * ROWS)
        follower.send_signal(signal.SIGINT)
        _, err = follower.communicate(timeout=60)
        assert (follower.returncode, err) == (0, "")
    with asof(folder, "run") as run:
        _, err = run.communicate(timeout=120)
    assert run.returncode == 0, err
    check(folder)


@pytest.mark.slow
def test_a_run_and_a_follower_that_have_much_to_take_in(folder: Path) -> None:
    """Both begin with the same many loads, and each time only one of them can win."""
    for number in range(FILES):
        write(folder, number)
    with asof(folder, "ingest", "--follow") as follower, asof(folder, "run") as run:
        _, err = run.communicate(timeout=120)
        assert run.returncode == 0, err
        wait_until(lambda: taken(folder) == FILES * ROWS)
        follower.send_signal(signal.SIGINT)
        _, err = follower.communicate(timeout=60)
        assert (follower.returncode, err) == (0, "")
    with asof(folder, "run") as run:
        run.communicate(timeout=120)
    check(folder)


def test_a_run_that_comes_second_each_time_ends_all_the_same(folder: Path) -> None:
    """Before each of its loads somebody else takes in that load."""
    for number in range(FILES):
        write(folder, number)
    with Project.open(str(folder)) as project, Project.open(str(folder)) as other:
        project.run(
            report=lambda line: take_one(other) if line.startswith("ingest orders: orders-") else None
        )
    check(folder)


def take_one(project: Project) -> None:
    """Take in a load, as a follower does."""
    [(node, source)] = raw_tables(project.definitions, ["orders"])
    with recorded(
        project.workspace, project.definitions, project.engine, lambda line: None, alone=False
    ) as context:
        context.workspace.catalogue.record_step(ingest(context, node, source, most=1))


def test_many_small_loads_read_as_one(folder: Path) -> None:
    with Project.open(str(folder)) as project:
        for number in range(15):
            (folder / f"orders-{number:02}.csv").write_text(f"id,name\n{number},x\n")
            take_one(project)
        assert len(project.workspace.catalogue.history("raw/orders")) == 15
        project.run()
        for table in ("raw/orders", "clean/orders"):
            rows = project.workspace.read(table)
            assert rows["id"].to_pylist() == rows["_sequence"].to_pylist() == list(range(15))
