"""A source ten times larger than the memory that a project may use."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from asof.errors import DefinitionError
from asof.project import Project
from asof.settings import load_settings

ROWS = 4_000_000
MEMORY = 11_000_000
DEFINITIONS = """
from asof import *

orders = Source(
    "orders",
    reader=Files("orders.csv"),
    schema={"id": Int64, "name": String, "amount": Decimal(10, 2)},
    known_since="2024-01-01",
)
"""
CHILD = """
import sys
from pathlib import Path
from asof.features.source import Source
from asof.project import Project
from asof.runs.run import recorded
from asof.steps.ingest import ingest

def peak():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM"))

with Project.open(sys.argv[1]) as project:
    project.apply()
    source = project.definitions.named(Source, "orders")
    node = next(node for node in project.definitions.tables if node.name == "raw/orders")
    for most in (20, None):
        with recorded(project.workspace, project.definitions, project.engine, lambda line: None) as context:
            context.workspace.catalogue.record_step(ingest(context, node, source, most=most))
        print(peak())
"""


def make(folder: Path, rows: int) -> Path:
    (folder / "asof.toml").write_text(f'definitions = "definitions.py"\nmemory = "{MEMORY // 1_000_000}MB"\n')
    (folder / "definitions.py").write_text(DEFINITIONS)
    lines = "".join(f"{{0}}{number:05d},name {number:05d},{number}.25\n" for number in range(1000))
    with (folder / "orders.csv").open("w") as out:
        out.write("id,name,amount\n")
        for part in range(rows // 1000):
            out.write(lines.format(part) if part % 1000 else lines.format(part).replace(".25", ".x25", 1))
    return folder


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from /proc")
def test_a_source_far_larger_than_memory_goes_through(tmp_path: Path) -> None:
    folder = make(tmp_path, ROWS)
    assert (folder / "orders.csv").stat().st_size > 10 * MEMORY
    done = subprocess.run([sys.executable, "-c", CHILD, str(folder)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    after_some_loads, after_all = map(int, done.stdout.split())
    assert after_all - after_some_loads < 5 * MEMORY
    with Project.open(str(folder)) as project:
        counted = [step for run in project.runs() for step in project.steps(run.id)]
        assert sum(step.rows_read for step in counted) == ROWS
        assert sum(step.rows_quarantined for step in counted) == ROWS // 1_000_000
        rows = project.workspace.read("raw/orders", columns=["id", "_sequence"])
        assert rows["_sequence"].to_pylist() == list(range(ROWS - ROWS // 1_000_000))
        ids = rows["id"].to_pylist()
        assert ids == sorted(ids)


@pytest.mark.parametrize(
    ("text", "size"), [("512MB", 512_000_000), ("1.5 GB", 1_500_000_000), ("2GiB", 2 << 30), ("64KB", 64_000)]
)
def test_sizes(tmp_path: Path, text: str, size: int) -> None:
    (tmp_path / "asof.toml").write_text(f'memory = "{text}"\n')
    assert load_settings(tmp_path).memory == size


def test_memory_is_a_gigabyte_by_default(tmp_path: Path) -> None:
    (tmp_path / "asof.toml").write_text("")
    assert load_settings(tmp_path).memory == 1_000_000_000


@pytest.mark.parametrize("text", ["", "1", "lots", "1TB", "0MB", "-1MB"])
def test_what_is_no_size(tmp_path: Path, text: str) -> None:
    (tmp_path / "asof.toml").write_text(f'memory = "{text}"\n')
    with pytest.raises(DefinitionError, match="is no size; give one as in '512MB'"):
        load_settings(tmp_path)
