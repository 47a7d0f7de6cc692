"""Two runs at once, a full disk, a database that goes away: a clear error, and the next run ends the same."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

import asof
from asof.project import Project
from asof.storage.fingerprint import fingerprint

pytestmark = pytest.mark.slow
KILOBYTE = 1 << 10


def command(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    whole = [sys.executable, "-m", "asof", *arguments, "--project", str(folder)]
    return subprocess.Popen(whole, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def done(process: subprocess.Popen[str]) -> tuple[int, str]:
    _, err = process.communicate(timeout=120)
    return process.returncode, err


def contents(folder: Path) -> dict[str, tuple[int, str]]:
    """Every table, but for the runs that are named in it."""
    found = {}
    with Project.open(str(folder)) as project:
        for version in project.tables():
            if not version.table.startswith("online/"):
                rows = project.workspace.read(version.table)
                rows = rows.drop_columns([name for name in ("run",) if name in rows.column_names])
                found[version.table] = (rows.num_rows, fingerprint(rows))
        vectors = project.get("model", [{"customer_id": key} for key in range(6)]).to_dicts()
    return {**found, "online": (len(vectors), str(vectors))}


@pytest.fixture(scope="module")
def undisturbed(
    tmp_path_factory: pytest.TempPathFactory, make_shop: Callable[[Path], Path]
) -> dict[str, tuple[int, str]]:
    folder = make_shop(tmp_path_factory.mktemp("undisturbed") / "shop")
    with Project.open(str(folder)) as project:
        project.apply()
        project.run()
    return contents(folder)


def test_of_two_runs_at_once_one_wins_and_the_other_is_told(shop: Path, undisturbed: dict[str, Any]) -> None:
    assert done(command(shop, "apply"))[0] == 0
    ended = [done(process) for process in [command(shop, "run") for _ in range(3)]]
    assert any(code == 0 for code, _ in ended), ended
    assert all(code == 0 or "is at work since" in err for code, err in ended), ended
    assert contents(shop) == undisturbed
    with Project.open(str(shop)) as project:
        assert {run.status for run in project.runs()} == {"succeeded"}


@pytest.fixture
def small_disk(tmp_path: Path, require: Callable[[str, object], None]) -> Iterator[Path]:
    """A file system of 4 MB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "none", str(disk)]
    may = os.geteuid() == 0 and subprocess.run(mount, capture_output=True).returncode == 0
    require("the right to mount a small file system", may)
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


@pytest.mark.parametrize("free", [8, 64, 120, 160, 180])
def test_a_full_disk_is_said_and_the_next_run_goes_on(
    shop: Path, small_disk: Path, undisturbed: dict[str, Any], free: int
) -> None:
    settings = f'storage = "{small_disk}"\nonline = "{shop}/online"\n'
    with (shop / "asof.toml").open("a") as file:
        file.write(settings)
    with Project.open(str(shop)) as project:
        project.apply()
    filler = small_disk / "filler"
    space = os.statvfs(small_disk)
    filler.write_bytes(bytes(space.f_bavail * space.f_frsize - free * KILOBYTE))
    code, err = done(command(shop, "run"))
    assert code == 1, err
    assert "No space left on device" in err or "the disk is full" in err
    filler.unlink()
    code, err = done(command(shop, "run"))
    assert code == 0, err
    assert contents(shop) == undisturbed


@pytest.mark.parametrize("statement", [1, 5, 9, 14, 20, 30])
def test_a_catalogue_that_goes_away_is_said_and_the_next_run_goes_on(
    shop: Path, postgres: str, undisturbed: dict[str, Any], statement: int
) -> None:
    with (shop / "asof.toml").open("a") as file:
        file.write(f'catalogue = "{postgres}"\n')
    others = sa.text(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    cutter = sa.create_engine(postgres, poolclass=sa.NullPool)
    seen = 0

    def cut(connection: sa.Connection, cursor: Any, text: str, *_: Any) -> None:
        nonlocal seen
        seen += text.lstrip().startswith(("INSERT", "UPDATE", "DELETE"))
        if seen == statement:
            seen += 1
            with cutter.connect() as other:
                assert other.execute(others).scalar_one() > 0

    with Project.open(str(shop)) as project:
        project.apply()
        engine = project.workspace.catalogue._database._engine
        sa.event.listen(engine, "before_cursor_execute", cut)
        with pytest.raises(asof.NotFound, match="lost the catalogue at postgresql"):
            project.run()
        sa.event.remove(engine, "before_cursor_execute", cut)
        project.run()
        assert project.runs()[0].status == "succeeded"
    assert contents(shop) == undisturbed
    cutter.dispose()
