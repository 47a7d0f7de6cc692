"""The rooms: their links at the top, their floors."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("features", "storage", "ingest", "transforms", "serving", "k8s")


@pytest.mark.parametrize("room", ROOMS)
def test_room_is_seen_at_the_top(room: str) -> None:
    link = ROOT / room
    assert link.is_symlink()
    assert link.readlink() == Path("src", "asof", room)
    assert (link / "__init__.py").is_file()


def test_the_top_has_no_other_link() -> None:
    assert {path.name for path in ROOT.iterdir() if path.is_symlink()} == set(ROOMS)


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_nothing_by_itself(room: str) -> None:
    tree = ast.parse((ROOT / "src/asof" / room / "__init__.py").read_text())
    assert not any(isinstance(node, ast.Import | ast.ImportFrom) for node in ast.walk(tree))


def test_floors_hold() -> None:
    lint = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [lint, "--no-cache"], cwd=ROOT, env={"PYTHONPATH": "src"}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
