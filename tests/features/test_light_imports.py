"""Importing what a team declares with loads the standard library alone."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CODE = """
import importlib, json, sys
for name in {modules!r}:
    importlib.import_module(name)
tops = {{name.partition(".")[0] for name in sys.modules}}
tops = {{name for name in tops if not name.startswith("_sysconfigdata")}}
print(json.dumps(sorted(tops - sys.stdlib_module_names - {{"__main__"}})))
"""
USE = """
import sys
from asof.features.aggregates import Sum
from asof.features.cleaning import drop_where
from asof.features.expressions import col, columns_of, sql
columns_of(drop_where(col("x") > 1).condition)
Sum("x", over="7d", where=col("y") == 1)
assert "sqlglot" not in sys.modules
sql("upper(x)")
assert "sqlglot" in sys.modules
"""


def run(code: str, *options: str) -> str:
    done = subprocess.run(
        [sys.executable, *options, "-c", code],
        env={"PYTHONPATH": str(ROOT / "src")},
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout


def test_nothing_but_the_standard_library() -> None:
    rooms = (ROOT / "src/asof/features").glob("*.py")
    modules = [f"asof.features.{path.stem}" for path in rooms if path.stem != "__init__"]
    assert len(modules) > 10
    assert json.loads(run(CODE.format(modules=modules), "-S")) == ["asof"]


def test_sql_is_parsed_only_where_it_is_written() -> None:
    run(USE)
