"""A project whose orders come from a topic."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from asof.project import Project

DEFINITIONS = """
from asof import *

orders = Source(
    "orders",
    reader=Kafka("{brokers}", topic="{topic}", partition="part", offset="at"),
    schema={{"id": Int64, "name": String, "part": Int32, "at": Int64}},
    known_since="2024-01-01",
)
others = Source(
    "others", reader=Files("others/*.jsonl"), schema={{"id": Int64}}, known_since="2024-01-01"
)
"""


def make_project(folder: Path, brokers: str, topic: str) -> Path:
    """A project with a topic and files as its sources, applied."""
    (folder / "others").mkdir(parents=True)
    (folder / "others/1.jsonl").write_text('{"id": 1}\n')
    (folder / "asof.toml").write_text('definitions = "definitions.py"\n')
    (folder / "definitions.py").write_text(DEFINITIONS.format(brokers=brokers, topic=topic))
    with Project.open(str(folder)) as project:
        project.apply()
    return folder


def asof(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    """The command, begun."""
    return subprocess.Popen(
        [sys.executable, "-m", "asof", *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_until(holds: Callable[[], bool], seconds: float = 60) -> None:
    """Look again and again until something holds."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come to hold"
        time.sleep(0.02)


def taken(folder: Path, source: str = "orders") -> list[int]:
    """The ids in the raw table, in the order in which they were taken in."""
    with Project.open(str(folder)) as project:
        if project.workspace.catalogue.current(f"raw/{source}") is None:
            return []
        return project.workspace.read(f"raw/{source}").sort_by("_sequence")["id"].to_pylist()
