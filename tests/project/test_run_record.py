"""What the record of a run tells: of each step what it read and made; of a failed one why; and who waits."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import asof
from asof.project import Project
from asof.runs.run import recorded
from asof.storage.catalogue import Step

TIMEOUT = 30


@pytest.fixture
def project(shop: Path) -> Iterator[Project]:
    """The small project, applied."""
    with Project.open(str(shop)) as opened:
        opened.apply()
        yield opened


def steps(project: Project) -> dict[str, Step]:
    return {step.name: step for step in project.steps(project.runs()[0].id)}


def test_each_step_tells_the_versions_that_it_read_and_made(project: Project) -> None:
    project.run()
    now = {version.table: version.version for version in project.tables()}
    told = {name: (step.inputs, step.outputs) for name, step in steps(project).items()}
    assert told["ingest people"] == ({}, {"raw/people": now["raw/people"]})
    assert told["ingest orders"][1] == {name: now[name] for name in ("raw/orders", "quarantine/orders")} or (
        told["ingest orders"][1]["raw/orders"] == now["raw/orders"]
    )
    assert told["clean people"] == (
        {"raw/people": now["raw/people"]},
        {"clean/people": now["clean/people"]},
    )
    assert told["lay out views/spend"] == (
        {name: now[name] for name in ("clean/orders", "views/brands")},
        {"views/spend": now["views/spend"]},
    )
    assert told["publish spend"] == (
        {"views/spend": now["views/spend"]},
        {"online/spend": now["online/spend"]},
    )
    project.run()
    assert {(step.status, *step.inputs, *step.outputs) for step in steps(project).values()} == {("skipped",)}


def test_bytes_written_are_those_of_the_files(project: Project, march: str) -> None:
    project.run()
    first = project.workspace.current("raw/orders").bytes
    assert steps(project)["ingest people"].bytes_written == project.workspace.current("raw/people").bytes > 0
    (project.settings.folder / "data/orders-03.csv").write_text(march)
    project.run()
    assert (
        steps(project)["ingest orders"].bytes_written == project.workspace.current("raw/orders").bytes - first
    )


def break_people(folder: Path) -> Callable[[], None]:
    """Has the cleaning of people fail; gives what mends it."""
    path = folder / "definitions.py"
    whole = path.read_text()
    path.write_text(
        whole.replace('event_time="moved",', 'event_time="moved", expect=[one_of("city", ["Rome"])],')
    )
    return lambda: path.write_text(whole) and None


def test_a_failed_step_is_recorded_and_the_next_run_goes_on_there(shop: Path) -> None:
    mend = break_people(shop)
    with Project.open(str(shop)) as project:
        project.apply()
        with pytest.raises(asof.DataError, match="source 'people'"):
            project.run()
        first = steps(project)
        assert first["clean people"].status == "failed"
        assert first["clean people"].details["error"].startswith("DataError: source 'people': ")
        assert "lay out views/person" not in first
        assert project.runs()[0].status == "failed"
    mend()
    with Project.open(str(shop)) as project:
        project.apply()
        project.run()
        second = steps(project)
    done = [name for name, step in first.items() if step.status == "succeeded"]
    assert "ingest people" in done
    assert {second[name].status for name in done} == {"skipped"}
    assert {name for name, step in second.items() if step.status == "succeeded"} == set(second) - set(done)
    assert second["clean people"].status == second["lay out views/person"].status == "succeeded"


def test_an_error_that_nobody_foresaw_is_recorded_too(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("none left")

    monkeypatch.setattr("asof.steps.lay_out.layout_job", broken)
    with pytest.raises(ZeroDivisionError):
        project.run()
    failed = [step for step in steps(project).values() if step.status == "failed"]
    assert failed
    assert {step.details["error"] for step in failed} == {"ZeroDivisionError: none left"}


def test_one_that_waits_says_for_whom_and_begins_when_that_has_ended(project: Project, shop: Path) -> None:
    told, ended = threading.Event(), []
    lines: list[str] = []

    def report(line: str) -> None:
        lines.append(line)
        told.set()

    def wait() -> None:
        with Project.open(str(shop)) as other:
            ended.append(other.run(wait=True, report=report))

    waiting = threading.Thread(target=wait)
    with recorded(project.workspace, project.definitions, project.engine, lambda line: None) as context:
        with pytest.raises(asof.Conflict, match="or with --wait"):
            project.run()
        waiting.start()
        assert told.wait(TIMEOUT)
        assert lines[0].startswith(f"Waiting, as run {context.run} of ")
        assert len(project.runs()) == 1
    waiting.join(TIMEOUT)
    newest, before = project.runs()
    assert (newest.id, newest.status, before.status) == (ended[0].id, "succeeded", "succeeded")
    assert newest.started_at >= before.finished_at  # type: ignore[operator]


LOST = """
import os, sys
from asof.project import Project
from asof.runs.run import recorded
with Project.open(sys.argv[1]) as project:
    with recorded(project.workspace, project.definitions, project.engine, print) as context:
        print(context.run, flush=True)
        sys.stdin.read()
"""


def test_one_that_waits_for_a_run_that_is_killed_goes_on(project: Project, shop: Path) -> None:
    process: Any = subprocess.Popen(
        [sys.executable, "-c", LOST, str(shop)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    lost = process.stdout.readline().strip()

    def kill(line: str) -> None:
        if line.startswith(f"Waiting, as run {lost}"):
            process.kill()
            process.wait()

    project.run(wait=True, report=kill)
    process.communicate()
    assert {run.id: run.status for run in project.runs()}[lost] == "lost"
    assert project.runs()[0].status == "succeeded"
