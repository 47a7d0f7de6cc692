"""`asof plan` on a large project, as a process of its own, and the catalogue beside many recorded runs.

The project has as many views as asked for, with 25 features each, over 20 sources. It is planned when
nothing was applied, when everything is up to date, and when a source was changed that a tenth of the
views is made from. The catalogue's operations are timed with 10 and with 10,000 runs recorded.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from asof.project import Project
from asof.storage.catalogue import Catalogue, Revision, Run, Step
from asof.storage.catalogue.schema import REVISIONS, RUNS
from asof.storage.catalogue.schema import STEPS as STEPS_RECORDED

SOURCES = 20
COLUMNS = 10
NAMES = [f"a{number}" for number in range(COLUMNS)]
WINDOWS = ("1d", "7d", "14d", "30d", "90d")
FEW, MANY = 10, 10_000
STEPS = 20  # of each recorded run
HEAD = """\
from asof import *

customer = Entity("customer", keys={"customer_id": Int64})
"""
SOURCE = """
source_{number} = Source(
    "source_{number}",
    reader=Files("data/source_{number}.csv"),
    schema={{"customer_id": Int64, "at": Timestamp, {columns}}},
    event_time="at",
    clean=[drop_where(col("a0") < {limit})],
    expect=[not_null("customer_id")],
)
"""
VIEW = """
view_{number} = FeatureView(
    "view_{number}",
    entity=customer,
    source=source_{source},
    features=[Sum(name, over={windows}) for name in {columns}],
)
"""
LABEL = """
quiet = Label("quiet", entity=customer, source=source_0, at=every("7d"), horizon="14d", outcome=Count() == 0)
"""
USERS = """
set_{number} = TrainingSet("set_{number}", label=quiet, features=[{views}])
service_{number} = FeatureService("service_{number}", features=[{views}])
"""


def make(folder: Path, views: int) -> None:
    """Write the project."""
    (folder / "data").mkdir(parents=True)
    (folder / "asof.toml").write_text('name = "large"\ndefinitions = "definitions.py"\n')
    for number in range(SOURCES):
        rows = [f"{row % 7},2024-01-{row:02d}T00:00:00,{','.join(['1.5'] * COLUMNS)}" for row in range(1, 29)]
        text = "\n".join([",".join(["customer_id", "at", *NAMES]), *rows])
        (folder / f"data/source_{number}.csv").write_text(text + "\n")
    define(folder, views)


def define(folder: Path, views: int, limit: int = 0) -> None:
    """Write the project's definitions; where `limit` is not 0, the second source differs."""
    parts, columns = [HEAD], ", ".join(f'"{name}": Float64' for name in NAMES)
    for number in range(SOURCES):
        parts.append(SOURCE.format(number=number, columns=columns, limit=limit if number == 1 else 0))
    for number in range(views):
        chosen = [NAMES[(number + place) % COLUMNS] for place in range(5)]
        parts.append(
            VIEW.format(number=number, source=number % SOURCES, windows=list(WINDOWS), columns=chosen)
        )
    parts.append(LABEL)
    for number in range(views // 10):
        of = ", ".join(f"view_{view % views}" for view in range(number * 10, number * 10 + 20))
        parts.append(USERS.format(number=number, views=of))
    (folder / "definitions.py").write_text("".join(parts))


def planned(folder: Path, runs: int) -> tuple[float, int]:
    """The median wall time of `asof plan`, process start included, and its exit code."""
    command = [str(Path(sys.executable).with_name("asof")), "plan", "--json", "--project", str(folder)]
    times, code = [], 0
    for _ in range(runs + 1):
        start = time.perf_counter()
        code = subprocess.run(command, stdout=subprocess.DEVNULL).returncode
        times.append(time.perf_counter() - start)
    return statistics.median(times[1:]), code


def record_runs(address: str, runs: range) -> None:
    """Record runs, with their steps, that have ended, and a revision for each."""
    now = datetime.now(UTC)
    ended: dict[str, Any] = {"status": "succeeded", "started_at": now, "finished_at": now}
    ids = [f"20260101-000000-{number:06x}" for number in runs]
    steps = [asdict(Step(run=run, name=f"step {number}", **ended)) for run in ids for number in range(STEPS)]
    revisions = [
        asdict(Revision(number=number + 1, applied_at=now, who="benchmark", definitions={}, hash="hash"))
        for number in runs
    ]
    engine = sa.create_engine(address)
    with engine.begin() as connection:
        connection.execute(RUNS.insert(), [asdict(Run(id=run, **ended)) for run in ids])
        connection.execute(STEPS_RECORDED.insert(), steps)
        connection.execute(REVISIONS.insert(), revisions)
    engine.dispose()


def operations(catalogue: Catalogue) -> dict[str, Callable[[], object]]:
    """What is timed."""

    def start_and_finish() -> None:
        catalogue.finish_run(catalogue.start_run(who="benchmark").id, "succeeded")

    def apply() -> None:
        before = catalogue.revision()
        catalogue.apply({}, "hash", who="benchmark", expected=before.number if before else None)

    newest = catalogue.runs(1)[0].id
    return {
        "start and finish": start_and_finish,
        "current": lambda: catalogue.current("views/view_0"),
        "runs": catalogue.runs,
        "steps": lambda: catalogue.steps(newest),
        "apply": apply,
    }


def timed(operation: Callable[[], object], times: int = 30) -> float:
    """The median seconds of an operation."""
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        operation()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def print_plans(folder: Path, views: int, runs: int) -> None:
    """Plan the project in its three states."""
    make(folder, views)
    print(f"{views} views, {views * 5 * len(WINDOWS)} features")
    states: list[tuple[str, Callable[[], None]]] = [
        ("nothing was applied", lambda: None),
        ("all is up to date", lambda: brought_up_to_date(folder)),
        ("a source has changed", lambda: define(folder, views, limit=-1)),
    ]
    for name, prepare in states:
        prepare()
        taken, code = planned(folder, runs)
        print(f"  {name:<22} {taken:6.2f} s  exit code {code}")


def brought_up_to_date(folder: Path) -> None:
    """Apply and run."""
    with Project.open(str(folder)) as project:
        project.apply()
        project.run()


def print_operations(folder: Path) -> None:
    """Time the catalogue's operations beside few runs and beside many."""
    taken = []
    for runs in (FEW, MANY):
        address = f"sqlite:///{folder / f'{runs}.db'}"
        with Catalogue(address) as catalogue:
            catalogue.tables()
            record_runs(address, range(runs))
            taken.append({name: timed(operation) for name, operation in operations(catalogue).items()})
    print(f"{'catalogue, ms':<20} {FEW:>8} runs {MANY:>8} runs")
    few, many = taken
    for name in few:
        print(f"{name:<20} {few[name] * 1000:>13.2f} {many[name] * 1000:>13.2f}")


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--views", type=int, default=200)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--only", choices=["plans", "operations"])
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if given.only != "operations":
            print_plans(Path(folder) / "large", given.views, given.runs)
        if given.only != "plans":
            print_operations(Path(folder))


if __name__ == "__main__":
    main()
