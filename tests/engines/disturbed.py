"""A project on an engine that is disturbed on purpose.

python disturbed.py ENGINE FOLDER RESULTS runs it until the engine has given so many results, and is then
killed.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from asof.project import Project
from asof.runs.run import run
from asof.storage.fingerprint import fingerprint
from asof.testing.engine_tests import small_tasks
from asof.testing.generated import generated
from asof.training_sets.building import build
from asof.transforms.engines.engine import Engine, open_engine

T = TypeVar("T")
R = TypeVar("R")

CASE = generated(seed=3)[0]


@dataclass
class Disturbed:
    """An engine that runs each kernel inside another one."""

    engine: Engine
    inside: Callable[[Callable[[Any], Any], Any], Any]

    @property
    def name(self) -> str:
        return self.engine.name

    def map(self, kernel: Callable[[T], R], tasks: Sequence[T]) -> Iterator[R]:
        return self.engine.map(partial(self.inside, kernel), tasks)


@dataclass
class Killed:
    """An engine that kills this process once it has given so many results."""

    engine: Engine
    results: int

    @property
    def name(self) -> str:
        return self.engine.name

    def map(self, kernel: Callable[[T], R], tasks: Sequence[T]) -> Iterator[R]:
        for result in self.engine.map(kernel, tasks):
            self.results -= 1
            if self.results < 0:
                os.kill(os.getpid(), signal.SIGKILL)
            yield result


def live(folder: Path, engine: Any) -> dict[str, tuple[int, str]]:
    """Bring the project up to date: the rows and fingerprint of each table."""
    with small_tasks(), Project.open(str(folder)) as project:
        project.apply()
        run(project.workspace, project.definitions, engine, lambda line: None, lambda step: None)
        for name in project.definitions.training_sets:
            build(project.workspace, project.definitions, name, engine)
        return {
            version.table: (version.rows, fingerprint(project.workspace.read(version.table)))
            for version in project.tables()
        }


def main(name: str, folder: str, results: str) -> None:
    with open_engine(name) as engine:
        live(Path(folder), Killed(engine, int(results)))


if __name__ == "__main__":
    main(*sys.argv[1:])
