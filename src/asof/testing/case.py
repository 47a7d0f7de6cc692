"""Cases: a project as plain data, and what must come out of it on every engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa

from asof.features.graph import Definitions
from asof.project import Project
from asof.runs.run import run
from asof.storage.catalogue import TrainingSetVersion
from asof.training_sets.building import build
from asof.transforms.engines.engine import Engine

Columns = Mapping[str, Sequence[Any]]
"""Rows, column by column, as in JSON: times in ISO 8601, decimals as text."""


@dataclass(frozen=True)
class Case:
    """Definitions, the files that they read, and the columns of each training set that they define."""

    name: str
    definitions: str
    files: Mapping[str, str]
    expected: Mapping[str, Columns] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """What a case led to: the version of each training set with its rows, and each step's accounting."""

    definitions: Definitions
    versions: Mapping[str, TrainingSetVersion]
    rows: Mapping[str, pa.Table]
    accounting: Mapping[str, tuple[int, int, int, int]]

    @property
    def fingerprints(self) -> dict[str, str]:
        """The fingerprint of each training set."""
        return {name: version.manifest["fingerprint"] for name, version in self.versions.items()}


def outcome(case: Case, engine: Engine, folder: Path) -> Outcome:
    """Make the case's project in the empty folder, run it on the engine, build all training sets."""
    write(case, folder)
    with Project.open(str(folder)) as project:
        project.apply()
        done = run(project.workspace, project.definitions, engine, lambda line: None, lambda step: None)
        built = {
            name: build(project.workspace, project.definitions, name, engine).version
            for name in project.definitions.training_sets
        }
        return Outcome(
            project.definitions,
            built,
            {name: project.read_training_set(name) for name in built},
            {
                step.name: (step.rows_read, step.rows_written, step.rows_quarantined, step.rows_dropped)
                for step in project.steps(done.id)
            },
        )


def as_plain_data(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> dict[str, list[Any]]:
    """Columns of rows, as they are written in a case."""
    return {name: [_plain(row[name]) for row in rows] for name in columns}


def write(case: Case, folder: Path) -> None:
    """Make the files of a case's project in a folder."""
    files = {
        "asof.toml": f'name = "{case.name}"\ndefinitions = "definitions.py"\n',
        "definitions.py": f"from asof import *\n{case.definitions}",
        **case.files,
    }
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def _plain(value: Any) -> Any:
    match value:
        case datetime():
            return value.isoformat().removesuffix("+00:00")
        case Decimal():
            return str(value)
        case list() | tuple():
            return type(value)(map(_plain, value))
        case _:
            return value
