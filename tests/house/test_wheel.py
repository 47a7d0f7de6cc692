"""What is built holds every room, and works where nothing else is."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900), pytest.mark.xdist_group("wheel")]


PROGRAMS = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"


def run(*command: str | Path, cwd: Path) -> str:
    environment = {**os.environ, "PATH": PROGRAMS}  # the backend looks for its program there
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def package_files() -> set[str]:
    source = ROOT / "src"
    return {
        str(path.relative_to(source))
        for path in (source / "asof").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist, and the wheel that was built from the sdist."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT, cwd=folder)
    return folder


@pytest.fixture(scope="module")
def wheel(dist: Path) -> Path:
    return next(dist.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of programs of a new environment that has only the wheel and what it needs."""
    folder = tmp_path_factory.mktemp("venv")
    run(sys.executable, "-m", "venv", folder, cwd=folder)
    pip = [folder / "bin/python", "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    run(*pip, "-c", ROOT / "constraints.txt", f"{wheel}[demo,serve]", cwd=folder)
    return folder / "bin"


def test_wheel_holds_every_file(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if not name.endswith("/")}
    assert {name for name in held if name.startswith("asof/")} == package_files()
    assert any(name.endswith("licenses/LICENSE") for name in held)


def test_sdist_holds_no_link(dist: Path) -> None:
    with tarfile.open(next(dist.glob("*.tar.gz"))) as archive:
        members = archive.getmembers()
    assert not [member.name for member in members if member.issym() or member.islnk()]
    held = {member.name.partition("/")[2] for member in members}
    assert held >= {f"src/{name}" for name in package_files()}


def test_installed_command_says_its_version(installed: Path, tmp_path: Path) -> None:
    assert "0.1.0" in run(installed / "asof", "--version", cwd=tmp_path)


def test_installed_package_needs_no_checkout(installed: Path, tmp_path: Path) -> None:
    code = "import asof; print(asof.__file__)"
    file = run(installed / "python", "-c", code, cwd=tmp_path)
    assert Path(file.strip()).is_relative_to(installed.parent)


def test_demo_runs_from_the_wheel(installed: Path, tmp_path: Path) -> None:
    assert "AUC" in run(installed / "asof", "demo", cwd=tmp_path)
