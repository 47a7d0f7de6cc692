"""What an import of Asof brings with it, and what its modules may import."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HEAVY = {
    "dask",
    "deltalake",
    "duckdb",
    "lmdb",
    "numpy",
    "pandas",
    "pyarrow",
    "pyspark",
    "sklearn",
    "sqlalchemy",
    "sqlglot",
    "starlette",
    "uvicorn",
}
IMPORT = "import asof"
HELP = """
from asof.cli.main import main
sys.argv = ["asof", "--help"]
try:
    main()
except SystemExit:
    pass
"""
LOADED = "import json; print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
OPENED = """
import threading
opened = []
sys.addaudithook(lambda event, args: event == "open" and opened.append(str(args[0])))
import asof
assert threading.active_count() == 1
"""
SOURCES = "print([path for path in opened if not path.endswith(('.py', '.pyc'))])"


def last_line(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", f"import sys\n{code}"],
        check=True,
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(ROOT / "src")},
    )
    return done.stdout.splitlines()[-1]


@pytest.mark.parametrize("code", [IMPORT, HELP], ids=["import asof", "asof --help"])
def test_nothing_heavy_is_loaded(code: str) -> None:
    assert HEAVY.isdisjoint(json.loads(last_line(f"{code}\n{LOADED}")))


def test_import_reads_no_file_and_starts_no_thread() -> None:
    assert last_line(f"{OPENED}\n{SOURCES}") == "[]"


def requirement(text: str) -> str:
    return re.match(r"[A-Za-z0-9._-]+", text)[0].lower().replace("_", "-")


def core_distributions() -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return {requirement(text) for text in project["dependencies"]}


def modules() -> list[Path]:
    """Asof's own modules, without those of the projects that templates hold."""
    package = ROOT / "src/asof"
    return sorted({*package.rglob("*.py")} - {*package.glob("templates/*/**/*.py")})


def imported_at_the_top(module: Path) -> set[str]:
    """Top-level packages that the module imports as soon as it is itself imported."""
    names: set[str] = set()
    for node in ast.parse(module.read_text()).body:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return {name.partition(".")[0] for name in names}


def test_modules_need_only_the_core_until_they_are_used() -> None:
    core, known = core_distributions(), packages_distributions()
    strangers = {
        f"{module.relative_to(ROOT)}: {name}"
        for module in modules()
        for name in imported_at_the_top(module) - sys.stdlib_module_names - {"asof"}
        if not (name in {"hypothesis", "pytest"} and "testing" in module.parts)
        if core.isdisjoint(dist.lower().replace("_", "-") for dist in known.get(name, ()))
    }
    assert strangers == set()
