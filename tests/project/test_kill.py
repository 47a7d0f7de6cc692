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

Undisturbed = tuple[dict[str, Any], int]
"""The state after an undisturbed life, and the number of its commit points."""

LIFE = Path(__file__).with_name("life.py")
LIVES: dict[str, Callable[[Path], None]] = runpy.run_path(str(LIFE))["LIVES"]
SHARES = 24
SHARE = pytest.mark.parametrize(
    "share", [0, *(pytest.param(share, marks=pytest.mark.slow) for share in range(1, SHARES))]
)
"""All points are killed at in as many shares; the first, every so many points, is the quick one."""


def live(life: str, folder: Path, *point: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, LIFE, life, folder, *point], capture_output=True, text=True, timeout=120
    )


def undisturbed_life(life: str, folder: Path) -> Undisturbed:
    result = live(life, folder)
    assert result.returncode == 0, result.stderr
    return state(folder), int(result.stdout)


def points_of(share: int, points: int) -> range:
    return range(1 + share, points + 1, SHARES)


def killed_and_gone_on(life: str, folder: Path, point: int) -> dict[str, Any]:
    """The state of a project whose life was killed after a point, and gone on with."""
    killed = live(life, folder, str(point))
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    LIVES[life](folder)
    return state(folder)


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


@pytest.fixture(scope="session")
def make_marching(make_shop: Callable[[Path], Path], march: str) -> Callable[[Path], Path]:
    """Makes the small project with the orders of March beside it."""

    def make(folder: Path) -> Path:
        make_shop(folder)
        (folder / "march.csv").write_text(march)
        return folder

    return make


@pytest.fixture(scope="module")
def undisturbed(
    tmp_path_factory: pytest.TempPathFactory, make_marching: Callable[[Path], Path]
) -> Undisturbed:
    return undisturbed_life("shop", make_marching(tmp_path_factory.mktemp("undisturbed") / "shop"))


def test_an_undisturbed_life_accounts_for_every_row(undisturbed: Undisturbed) -> None:
    counts = undisturbed[0]["counts"]
    for name, what in counts:
        assert what != "read" or counts[name, "read"] == sum(
            counts[name, part] for part in ("written", "quarantined", "dropped")
        ), name
    assert counts["ingest orders", "read"] == 14
    assert counts["ingest orders", "quarantined"] == 1
    assert len(undisturbed[0]["training"]) == 2


@SHARE
def test_a_killed_life_ends_like_an_undisturbed_one(
    share: int, undisturbed: Undisturbed, tmp_path: Path, make_marching: Callable[[Path], Path]
) -> None:
    expected, points = undisturbed
    for point in points_of(share, points):
        found = killed_and_gone_on("shop", make_marching(tmp_path / str(point)), point)
        assert found == expected, f"after a kill at point {point}"


@pytest.fixture(scope="module")
def mended(tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    """Of a life with replay and all."""
    return undisturbed_life("mended", tmp_path_factory.mktemp("mended"))


def test_a_mended_source_has_all_its_rows(mended: Undisturbed) -> None:
    tables, counts = mended[0]["tables"], mended[0]["counts"]
    assert tables["raw/orders"][0] == tables["clean/orders"][0] == 7_002
    assert tables["quarantine/orders"][0] == 1
    assert counts["drop orders", "dropped"] == 1
    assert counts["ingest orders", "read"] == 4_000 + 3_002 + 2


@SHARE
def test_a_source_killed_while_it_is_mended_ends_like_an_undisturbed_one(
    share: int, mended: Undisturbed, tmp_path: Path
) -> None:
    expected, points = mended
    for point in points_of(share, points):
        folder = tmp_path / str(point)
        folder.mkdir()
        found = killed_and_gone_on("mended", folder, point)
        assert found["tables"] == expected["tables"], f"after a kill at point {point}"
        assert found["counts"]["ingest orders", "read"] == expected["counts"]["ingest orders", "read"]
        assert found["counts"]["drop orders", "dropped"] == 1


@pytest.fixture(scope="module")
def promoted(tmp_path_factory: pytest.TempPathFactory, make_marching: Callable[[Path], Path]) -> Undisturbed:
    """Of an environment that is made, promoted and dropped."""
    return undisturbed_life("promoted", make_marching(tmp_path_factory.mktemp("promoted") / "shop"))


def test_a_promotion_is_in_the_record(promoted: Undisturbed) -> None:
    tables, counts = promoted[0]["tables"], promoted[0]["counts"]
    assert not any("alice" in name for name in tables)
    assert counts["promote clean/orders", "read"] == counts["promote clean/orders", "written"] > 0
    assert len(promoted[0]["applied"]) == 2
    assert len(promoted[0]["training"]) == 2


@SHARE
def test_killed_around_a_promotion_it_ends_like_an_undisturbed_one(
    share: int, promoted: Undisturbed, tmp_path: Path, make_marching: Callable[[Path], Path]
) -> None:
    expected, points = promoted
    for point in points_of(share, points):
        found = killed_and_gone_on("promoted", make_marching(tmp_path / str(point)), point)
        assert found == expected, f"after a kill at point {point}"


@pytest.fixture(scope="module")
def piecewise(tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    """Of files that take several loads."""
    return undisturbed_life("piecewise", tmp_path_factory.mktemp("piecewise"))


def test_a_file_in_several_loads_has_all_its_rows(tmp_path: Path) -> None:
    LIVES["piecewise"](tmp_path)
    with Project.open(str(tmp_path)) as project:
        for name in ("plain", "packed"):
            versions = project.workspace.catalogue.history(f"raw/{name}")
            assert ["within" in version.cursor for version in versions] == [False, True, True, True]
            assert versions[0].rows == 14_997
            assert project.workspace.current(f"quarantine/{name}").rows == 3


@SHARE
def test_killed_in_the_middle_of_a_file_it_ends_like_an_undisturbed_one(
    share: int, piecewise: Undisturbed, tmp_path: Path
) -> None:
    expected, points = piecewise
    for point in points_of(share, points):
        folder = tmp_path / str(point)
        folder.mkdir()
        found = killed_and_gone_on("piecewise", folder, point)
        assert found == expected, f"after a kill at point {point}"


def test_a_run_that_was_killed_is_recorded_as_lost(
    tmp_path: Path, make_marching: Callable[[Path], Path]
) -> None:
    folder = make_marching(tmp_path / "shop")
    assert live("shop", folder, "6").returncode == -signal.SIGKILL
    with Project.open(str(folder)) as project:
        assert [run.status for run in project.runs()] == ["running"]
        project.run()
        assert [run.status for run in project.runs()] == ["succeeded", "lost"]
