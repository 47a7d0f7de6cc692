"""A stretch of a view computed again: just that stretch, chunk by chunk, and as building all anew would."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path

import pyarrow as pa
import pytest

import asof
from asof.errors import Conflict, DefinitionError
from asof.project import Project
from asof.storage.catalogue import Catalogue
from asof.storage.fingerprint import fingerprint
from asof.transforms.engines.java import java_home

DEFINITIONS = """
from asof import *

customer = Entity("customer", keys={{"customer": Int64}})
orders = Source(
    "orders",
    reader=Files("orders-*.csv"),
    schema={{"customer": Int64, "amount": Int64, "at": Timestamp}},
    event_time="at",
)
spend = FeatureView(
    "spend",
    entity=customer,
    source=orders,
    derive=[derive("worth", Int64, col("amount") * {factor})],
    features=[Sum("worth", over="30d"), Last("worth")],
)
model = FeatureService("model", features=[spend])
"""
DAYS = 120
EARLY, LATE = datetime(2020, 1, 1, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC)
MARCH, APRIL = datetime(2024, 3, 1, tzinfo=UTC), datetime(2024, 4, 1, tzinfo=UTC)


def write(folder: Path, number: int, first: int, end: int) -> None:
    start = datetime(2024, 1, 1, tzinfo=UTC).timestamp()
    lines = [
        f"{day % 7},{day + 1},{datetime.fromtimestamp(start + 86_400 * day, UTC):%Y-%m-%dT%H:%M:%S}\n"
        for day in range(first, end)
    ]
    (folder / f"orders-{number}.csv").write_text("customer,amount,at\n" + "".join(lines))


def define(folder: Path, factor: int) -> None:
    (folder / "definitions.py").write_text(DEFINITIONS.format(factor=factor))
    with Project.open(str(folder)) as project:
        project.apply()


def made(folder: Path) -> Path:
    """A project that was run when a row's worth was its amount, and defines it as ten times as much since."""
    folder.mkdir()
    (folder / "asof.toml").write_text('definitions = "definitions.py"\n')
    write(folder, 0, 0, DAYS)
    define(folder, 1)
    with Project.open(str(folder)) as project:
        project.run()
    define(folder, 10)
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return made(tmp_path / "shop")


def worths(project: Project) -> dict[datetime, int]:
    rows = project.workspace.read("views/spend")
    return dict(zip(rows["_event_time"].to_pylist(), rows["worth"].to_pylist(), strict=True))


def test_only_rows_in_the_stretch_change(folder: Path) -> None:
    with Project.open(str(folder)) as project:
        before = worths(project)
        run = project.backfill("spend", MARCH, APRIL)
        after = worths(project)
        [step] = project.steps(run.id)
    assert after == {at: worth * (10 if MARCH <= at < APRIL else 1) for at, worth in before.items()}
    assert len(after) == DAYS
    assert (step.name, step.rows_read, step.rows_written) == ("backfill views/spend", 31, 31)


def test_what_was_backfilled_counts_as_built_and_goes_online(folder: Path) -> None:
    with Project.open(str(folder)) as project:
        project.backfill("spend", EARLY, LATE)
        assert project.plan().tables == ()
        steps = {step.name: step.status for step in project.steps(project.run().id)}
        assert steps["lay out views/spend"] == "skipped"
        assert steps["publish spend"] == "succeeded"
        assert project.get("model", {"customer": 0}).to_dicts()[0]["spend__worth_last"] == 1200


def test_rows_that_are_new_in_the_source_come_too_and_once(folder: Path) -> None:
    with Project.open(str(folder)) as project:
        write(folder, 1, DAYS, DAYS + 5)
        late = "customer,amount,at\n3,500,2024-03-10T12:00:00\n"
        (folder / "orders-2.csv").write_text(late)
        project.run(select=["orders"])
        project.backfill("spend", MARCH, APRIL)
        expected = worths(project)
        project.run()
        assert worths(project) == expected
        assert len(expected) == DAYS + 6
        assert expected[datetime(2024, 3, 10, 12, tzinfo=UTC)] == 5000
        assert max(expected.values()) == 5000
        assert expected[max(expected)] == 10 * (DAYS + 5)


@pytest.mark.parametrize(
    "engine", ["local", *(pytest.param(e, marks=pytest.mark.slow) for e in ("dask", "spark"))]
)
def test_a_backfill_of_all_is_as_building_anew(
    engine: str, tmp_path: Path, require: Callable[[str, object], None]
) -> None:
    if engine != "local":
        require(f"the extra {engine!r}", find_spec({"dask": "distributed", "spark": "pyspark"}[engine]))
    if engine == "spark":
        require("Java 17 or later (on Debian: openjdk-17-jre-headless)", _has_java(tmp_path))
    tables = []
    for name in ("backfilled", "anew"):
        folder = made(tmp_path / name)
        with Project.open(str(folder), engine=engine) as project:
            if name == "backfilled":
                project.backfill("spend", EARLY, LATE, chunk="7d")
            else:
                project.run(select=["spend"], full=True)
            tables.append(project.workspace.read("views/spend"))
    assert tables[0].equals(tables[1])


def _has_java(scratch: Path) -> bool:
    try:
        java_home(scratch)
    except asof.NotFound:
        return False
    return True


def test_with_other_arguments_it_starts_anew(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stopped(folder, after=2, monkeypatch=monkeypatch)
    assert kept(folder) == 2
    with Project.open(str(folder)) as project:
        lines: list[str] = []
        project.backfill("spend", MARCH, LATE, chunk="7d", report=lines.append)
        assert not any("goes on after" in line for line in lines)
        assert kept(folder) == 0
    assert not any((folder / "store/backfills").iterdir())


def test_of_a_table_that_has_moved_it_starts_anew(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stopped(folder, after=2, monkeypatch=monkeypatch)
    write(folder, 1, DAYS, DAYS + 1)
    with Project.open(str(folder)) as project:
        project.run(select=["orders"])
        lines: list[str] = []
        project.backfill("spend", EARLY, LATE, chunk="7d", report=lines.append)
        assert not any("goes on after" in line for line in lines)
        assert len(worths(project)) == DAYS + 1


def test_it_goes_on_after_the_last_chunk_and_says_how_far_it_is(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped(folder, after=5, monkeypatch=monkeypatch)
    with Project.open(str(folder)) as project:
        lines: list[str] = []
        project.backfill("spend", EARLY, LATE, chunk="7d", report=lines.append)
        assert set(worths(project).values()) == {10 * (day + 1) for day in range(DAYS)}
    assert lines[0] == "backfill views/spend: goes on after 5 of 18 chunks"
    chunks = [line for line in lines if ": chunk " in line]
    assert len(chunks) == 13
    assert "chunk 6 of 18, 7 rows, " in chunks[0]
    assert " a second, about " in chunks[0]


def stopped(folder: Path, *, after: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A backfill that failed once so many chunks were done."""
    keep, done = Catalogue.keep_chunk, iter(range(after))

    def failing(self: Catalogue, chunk: object) -> None:
        if next(done, None) is None:
            raise OSError("the disk is gone")
        keep(self, chunk)  # type: ignore[arg-type]

    with monkeypatch.context() as patch, Project.open(str(folder)) as project:
        patch.setattr(Catalogue, "keep_chunk", failing)
        with pytest.raises(OSError, match="the disk is gone"):
            project.backfill("spend", EARLY, LATE, chunk="7d")
        assert max(worths(project).values()) == DAYS
        assert project.steps(project.runs()[0].id)[0].status == "failed"


def kept(folder: Path) -> int:
    with Project.open(str(folder)) as project:
        return len(project.workspace.catalogue.chunks("views/spend"))


def test_a_view_of_revised_facts_is_refused(folder: Path) -> None:
    text = DEFINITIONS.format(factor=1).replace(
        'event_time="at",', 'event_time="at", created="at", identity=["amount"],'
    )
    (folder / "definitions.py").write_text(text)
    with Project.open(str(folder)) as project:
        project.apply()
        project.run()
        with pytest.raises(DefinitionError, match="asof run --full --select spend"):
            project.backfill("spend", MARCH, APRIL)


def test_a_view_with_other_columns_is_refused(folder: Path) -> None:
    path = folder / "definitions.py"
    path.write_text(path.read_text().replace('Last("worth")', 'Last("worth"), Last("amount")'))
    with Project.open(str(folder)) as project:
        project.apply()
        with pytest.raises(DefinitionError, match=r"other columns than its table has \(amount\)"):
            project.backfill("spend", MARCH, APRIL)


def test_a_source_that_was_read_anew_is_refused(folder: Path) -> None:
    with Project.open(str(folder)) as project:
        project.run(select=["orders"], full=True)
        with pytest.raises(Conflict, match="was read anew since"):
            project.backfill("spend", MARCH, APRIL)


def test_wrong_arguments(folder: Path) -> None:
    with Project.open(str(folder)) as project:
        with pytest.raises(asof.NotFound, match="did you mean 'spend'"):
            project.backfill("spent", MARCH, APRIL)
        with pytest.raises(DefinitionError, match="no time at all"):
            project.backfill("spend", APRIL, APRIL)
        with pytest.raises(DefinitionError, match="chunk '0d' must be longer than 0"):
            project.backfill("spend", MARCH, APRIL, chunk="0d")
        assert len(project.runs()) == 1


KILLED = """
import os, signal, sys
from datetime import UTC, datetime
from asof.project import Project
from asof.storage.catalogue import Catalogue

keep, left = Catalogue.keep_chunk, [int(sys.argv[2])]

def killing(self, chunk):
    keep(self, chunk)
    left[0] -= 1
    if left[0] == 0:
        os.kill(os.getpid(), signal.SIGKILL)

Catalogue.keep_chunk = killing
with Project.open(sys.argv[1]) as project:
    project.backfill("spend", datetime(2020, 1, 1, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC), chunk="30d")
"""


@pytest.mark.parametrize("chunk", [2, *(pytest.param(n, marks=pytest.mark.slow) for n in (1, 3, 4))])
def test_killed_after_a_chunk_it_goes_on_and_ends_like_an_undisturbed_one(chunk: int, tmp_path: Path) -> None:
    tables: list[pa.Table] = []
    for name in ("killed", "undisturbed"):
        folder = made(tmp_path / name)
        if name == "killed":
            process = subprocess.run([sys.executable, "-c", KILLED, str(folder), str(chunk)], timeout=120)
            assert process.returncode == -signal.SIGKILL
            assert kept(folder) == chunk
        with Project.open(str(folder)) as project:
            computed: list[str] = []
            project.backfill("spend", EARLY, LATE, chunk="30d", report=computed.append)
            assert sum(": chunk " in line for line in computed) == (4 - chunk if name == "killed" else 4)
            tables.append(project.workspace.read("views/spend"))
        assert kept(folder) == 0
        assert os.listdir(folder / "store/backfills") == []
    assert fingerprint(tables[0]) == fingerprint(tables[1])
