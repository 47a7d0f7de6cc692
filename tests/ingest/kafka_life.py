"""Ingestion from a topic, for a process that may be killed at any commit point.

python kafka_life.py FOLDER [POINT] takes in all that is there, in many commits, and kills itself as soon as
the given commit point, counted from 1, is behind it. Without one it prints how many there are.
"""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

from asof.project import Project
from asof.steps import ingest

LIFE = runpy.run_path(str(Path(__file__).parents[1] / "project" / "life.py"))


def main(folder: str, point: str = "0") -> None:
    ingest.ROWS_PER_COMMIT = 1
    killer = LIFE["Killer"](int(point))
    for owner, name in LIFE["COMMIT_POINTS"]:
        killer.watch(owner, name)
    with Project.open(folder) as project:
        project.ingest(["orders"])
    print(killer.seen)


if __name__ == "__main__":
    main(*sys.argv[1:])
