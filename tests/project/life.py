"""The life of the small project, for a process that may be killed at any commit point.

python life.py FOLDER MARCH [POINT] does everything that is still to be done, and kills itself as soon
as the given commit point, counted from 1, is behind it. Without one it prints how many there are.
"""

from __future__ import annotations

import functools
import os
import signal
import sys
from pathlib import Path
from typing import Any

from asof.project import Project
from asof.storage.catalogue import Catalogue
from asof.storage.online.lmdb import LmdbStore
from asof.storage.tables import Table

COMMIT_POINTS = [
    (Table, "create"),
    (Table, "append"),
    (Table, "overwrite"),
    (Catalogue, "apply"),
    (Catalogue, "commit"),
    (Catalogue, "record_step"),
    (Catalogue, "start_run"),
    (Catalogue, "finish_run"),
    (LmdbStore, "publish"),
]


def live(folder: Path, march: str) -> None:
    """Apply, run and build; then, with the orders of March, run and build again."""
    with Project.open(str(folder)) as project:
        project.apply()
        project.run()
        project.build_training_set("churn")
        if not (folder / "data/orders-03.csv").exists():
            (folder / "data/orders-03.csv").write_text(march)
        project.run()
        project.build_training_set("churn")


class Killer:
    """Counts the calls of commit points and kills the process after one of them."""

    def __init__(self, point: int) -> None:
        self.seen, self.point = 0, point

    def watch(self, owner: type, name: str) -> None:
        original = getattr(owner, name)

        @functools.wraps(original)
        def watched(*args: Any, **kwargs: Any) -> Any:
            result = original(*args, **kwargs)
            self.seen += 1
            if self.seen == self.point:
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        setattr(owner, name, watched)


def main(folder: str, march: str, point: str = "0") -> None:
    killer = Killer(int(point))
    for owner, name in COMMIT_POINTS:
        killer.watch(owner, name)
    live(Path(folder), march)
    print(killer.seen)


if __name__ == "__main__":
    main(*sys.argv[1:])
