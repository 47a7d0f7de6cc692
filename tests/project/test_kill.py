"""Killed at any commit point, the next run finishes the job with the result of an undisturbed one (P5)."""

from __future__ import annotations

import runpy
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from asof.project import Project
from asof.storage.fingerprint import fingerprint

LIFE = Path(__file__).with_name("life.py")
go_on = runpy.run_path(str(LIFE))["live"]
SHARES = 8


def live(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, LIFE, folder, *arguments], capture_output=True, text=True, timeout=60
    )


def state(folder: Path) -> dict[str, Any]:
    """All that can be seen of a project, but for times, run ids and version numbers."""
    with Project.open(str(folder)) as project:
        tables = {}
        for version in project.tables():
            if version.table.startswith("online/"):
                rows = project.workspace.online.scan(version.table.removeprefix("online/"))
            else:
                rows = project.workspace.read(version.table)
            if "run" in rows.column_names:
                rows = rows.drop_columns(["run"])
            tables[version.table] = (rows.num_rows, fingerprint(rows))
        counts: Counter[tuple[str, str]] = Counter()
        for run in project.runs(limit=100):
            for step in project.steps(run.id):
                for what in ("read", "written", "quarantined", "dropped"):
                    counts[step.name, what] += getattr(step, f"rows_{what}")
        return {
            "tables": tables,
            "training": [version.manifest["fingerprint"] for version in project.training_sets()],
            "counts": {key: count for key, count in counts.items() if not key[0].startswith("publish")},
            "applied": [revision.hash for revision in project.workspace.catalogue.revisions()],
        }


@pytest.fixture(scope="module")
def undisturbed(
    tmp_path_factory: pytest.TempPathFactory, make_shop: Callable[[Path], Path], march: str
) -> tuple[dict[str, Any], int]:
    """The state after an undisturbed life, and the number of its commit points."""
    folder = make_shop(tmp_path_factory.mktemp("undisturbed") / "shop")
    result = live(folder, march)
    assert result.returncode == 0, result.stderr
    return state(folder), int(result.stdout)


def test_an_undisturbed_life_accounts_for_every_row(undisturbed: tuple[dict[str, Any], int]) -> None:
    counts = undisturbed[0]["counts"]
    for name, what in counts:
        assert what != "read" or counts[name, "read"] == sum(
            counts[name, part] for part in ("written", "quarantined", "dropped")
        ), name
    assert counts["ingest orders", "read"] == 14
    assert counts["ingest orders", "quarantined"] == 1
    assert len(undisturbed[0]["training"]) == 2


@pytest.mark.slow
@pytest.mark.parametrize("share", range(SHARES))
def test_a_killed_life_ends_like_an_undisturbed_one(
    share: int,
    undisturbed: tuple[dict[str, Any], int],
    tmp_path: Path,
    make_shop: Callable[[Path], Path],
    march: str,
) -> None:
    expected, points = undisturbed
    for point in range(1 + share, points + 1, SHARES):
        folder = make_shop(tmp_path / str(point))
        killed = live(folder, march, str(point))
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        go_on(folder, march)
        assert state(folder) == expected, f"after a kill at point {point}"
