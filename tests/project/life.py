"""Lives of projects, for a process that may be killed at any commit point.

python life.py LIFE FOLDER [POINT] does everything that is still to be done, and kills itself as soon
as the given commit point, counted from 1, is behind it. Without one it prints how many there are.
"""

from __future__ import annotations

import functools
import gzip
import itertools
import os
import shutil
import signal
import sys
from pathlib import Path
from threading import Event
from typing import Any

from asof.ingest.files.connector import FileConnector
from asof.project import Project
from asof.storage.catalogue import Catalogue
from asof.storage.online.lmdb import LmdbStore
from asof.storage.tables import Base, Table

COMMIT_POINTS = [
    (Table, "create"),
    (Base, "stage"),
    (Base, "commit"),
    (Catalogue, "apply"),
    (Catalogue, "apply_in"),
    (Catalogue, "promote"),
    (Catalogue, "drop_environment"),
    (Catalogue, "commit"),
    (Catalogue, "record_step"),
    (Catalogue, "start_run"),
    (Catalogue, "finish_run"),
    (LmdbStore, "publish"),
]


def live(folder: Path) -> None:
    """Apply, run and build; then, with the orders of March in `march.csv`, run and build again."""
    with Project.open(str(folder)) as project:
        project.apply()
        project.run()
        project.build_training_set("churn")
        if not (folder / "data/orders-03.csv").exists():
            shutil.copy(folder / "march.csv", folder / "data/orders-03.csv")
        project.run()
        project.build_training_set("churn")


MENDED = """
from asof import *

customer = Entity("customer", keys={{"id": Int32}})
orders = Source(
    "orders",
    reader=Files("*.csv"),
    schema={{"id": {id}, "name": String}},
    known_since="2024-01-01",
    contract=Contract(new_columns="evolve"),
)
"""


def mend(folder: Path) -> None:
    """Take in files piece by piece, with a new column; replay, drop, and follow what comes."""
    for number, stage in enumerate((_first, _evolved, _replayed, _dropped, _followed)):
        done = folder / f"done-{number}"
        if not done.exists():
            stage(folder)
            done.touch()


def _first(folder: Path) -> None:
    settings = 'name = "mended"\ndefinitions = "definitions.py"\nmemory = "2 MB"\n'
    (folder / "asof.toml").write_text(settings)
    (folder / "definitions.py").write_text(MENDED.format(id="Int16"))
    _write(folder / "a.csv", "id,name", [f"{row},{'x' * 40}" for row in range(32_000, 40_000, 2)])
    with Project.open(str(folder)) as project:
        project.apply()
        project.run()


def _evolved(folder: Path) -> None:
    rows = [f"{row},{'y' * 40},{row / 2 if row % 3 else row}" for row in range(3_000)]
    _write(folder / "b.csv", "id,name,size", [*rows, "oops,z,1", "7,z"])
    with Project.open(str(folder)) as project:
        project.run()


def _replayed(folder: Path) -> None:
    (folder / "definitions.py").write_text(MENDED.format(id="Int32"))
    with Project.open(str(folder)) as project:
        project.apply()
        project.replay("orders")
        project.run()


def _dropped(folder: Path) -> None:
    with Project.open(str(folder)) as project:
        project.drop_quarantined("orders", column="id")


def _followed(folder: Path) -> None:
    _write(folder / "c.csv", "id,name,note", ["1,c,first", "2,c,second"])
    stop = Event()
    with Project.open(str(folder)) as project:
        if "note" not in project.workspace.read("raw/orders").column_names:
            project.ingest(follow=stop, on_step=lambda step: stop.set())
        project.run()


PIECEWISE = """
from asof import *

columns = {"id": Int64, "name": String}
plain = Source("plain", reader=Files("big.csv"), schema=columns, known_since="2024-01-01")
packed = Source("packed", reader=Files("big.csv.gz"), schema=columns, known_since="2024-01-01")
"""


def take_in(folder: Path) -> None:
    """Take in a file, and the same one packed, in several loads of several pieces each."""
    if not (folder / "asof.toml").exists():
        (folder / "definitions.py").write_text(PIECEWISE)
        rows = [f"{row if row % 5_000 else 'none'},{'x' * (row % 90)}" for row in range(1, 15_001)]
        _write(folder / "big.csv", "id,name", rows)
        (folder / "big.csv.gz").write_bytes(gzip.compress((folder / "big.csv").read_bytes(), mtime=0))
        (folder / "asof.toml").write_text('definitions = "definitions.py"\nmemory = "2 MB"\n')
    with Project.open(str(folder)) as project:
        project.apply()
        project.ingest()


def _write(path: Path, header: str, lines: list[str]) -> None:
    """A file that is there whole, or not at all."""
    part = path.with_suffix(".part")
    part.write_text("".join(f"{line}\n" for line in [header, *lines]))
    part.rename(path)


class Killer:
    """Counts the calls of commit points and kills the process after one of them."""

    def __init__(self, point: int) -> None:
        self.seen, self.point = 0, point
        self._numbers = itertools.count(1)  # one for each call, from whatever thread

    def watch(self, owner: type, name: str) -> None:
        original = getattr(owner, name)

        @functools.wraps(original)
        def watched(*args: Any, **kwargs: Any) -> Any:
            result = original(*args, **kwargs)
            number = next(self._numbers)
            self.seen = max(self.seen, number)
            if number == self.point:
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        setattr(owner, name, watched)


def promote(folder: Path) -> None:
    """Build production and, changed, an environment; promote it, go on with the orders of March, drop it."""
    for number, stage in enumerate((_produced, _in_environment, _promoted, _gone_on)):
        done = folder / f"done-{number}"
        if not done.exists():
            stage(folder)
            done.touch()


def _produced(folder: Path) -> None:
    with Project.open(str(folder)) as project:
        project.apply()
        project.run()


def _in_environment(folder: Path) -> None:
    definitions = folder / "definitions.py"
    text = definitions.read_text().replace('col("amount") == 0', 'col("amount") > 9')
    part = definitions.with_suffix(".part")
    part.write_text(text.replace('features=["city"]', 'features=["city", "moved"]'))
    part.rename(definitions)
    with Project.open(str(folder), environment="alice") as project:
        project.apply()
        project.run()
        project.build_training_set("churn")


def _promoted(folder: Path) -> None:
    with Project.open(str(folder)) as project:
        project.promote("alice")
        project.run()
        project.build_training_set("churn")


def _gone_on(folder: Path) -> None:
    shutil.copy(folder / "march.csv", folder / "march.part")
    (folder / "march.part").rename(folder / "data/orders-03.csv")
    with Project.open(str(folder)) as project:
        project.run()
        project.build_training_set("churn")
        if project.environments():
            project.drop_environment("alice")


LIVES = {"shop": live, "promoted": promote, "mended": mend, "piecewise": take_in}
BETWEEN = {"piecewise": [(FileConnector, "_batch")]}
"""What else a life is killed after, between its commits."""


def main(life: str, folder: str, point: str = "0") -> None:
    killer = Killer(int(point))
    for owner, name in [*COMMIT_POINTS, *BETWEEN.get(life, [])]:
        killer.watch(owner, name)
    LIVES[life](Path(folder))
    print(killer.seen)


if __name__ == "__main__":
    main(*sys.argv[1:])
