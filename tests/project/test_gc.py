"""`gc` frees what nothing needs, and nothing else."""

from __future__ import annotations

import datetime as dt
import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pytest
import sqlalchemy

from asof.errors import Conflict, DefinitionError, NotFound
from asof.project import Project
from asof.retention.collecting import Unneeded, collect, unneeded
from asof.storage.catalogue import Manifest, TableVersion
from asof.storage.catalogue.schema import VERSIONS
from asof.storage.fingerprint import fingerprint
from asof.workspace import Workspace

LATER = dt.timedelta(days=40)
RETENTION = 'retention = "30d"\n'


@pytest.fixture(params=["sqlite", "postgres"])
def kept(request: pytest.FixtureRequest, shop: Path) -> Path:
    """The small project, which keeps versions for thirty days."""
    settings = shop / "asof.toml"
    settings.write_text(settings.read_text() + RETENTION)
    if request.param == "postgres":
        url = request.getfixturevalue("postgres")
        settings.write_text(settings.read_text() + f'catalogue = "{url}"\n')
    return shop


@pytest.fixture
def grown(kept: Path, march: str) -> Iterator[Project]:
    """It, built, with a training set of the first months, and then with March."""
    with Project.open(str(kept)) as project:
        project.apply()
        project.run()
        project.build_training_set("churn")
        (kept / "data/orders-03.csv").write_text(march)
        project.run()
        yield project


def later() -> dt.datetime:
    return dt.datetime.now(dt.UTC) + LATER


def freed(project: Project) -> dict[str, Unneeded]:
    """What gc frees forty days from now."""
    workspace = project.workspace
    return {each.name: each for each in collect(workspace, unneeded(workspace, later()), later())}


def of_each_version(workspace: Workspace) -> dict[tuple[str, int], str]:
    """The fingerprint of every version of every table that is stored."""
    found = {}
    for current in workspace.catalogue.tables():
        if not current.table.startswith("online/"):
            for version in workspace.catalogue.history(current.table):
                rows = workspace.stored(version.table).read(version.version)
                found[version.table, version.version] = fingerprint(rows)
    return found


def files_of(project: Project) -> set[str]:
    storage = Path(project.settings.storage)
    return {
        str(path.relative_to(storage))
        for path in storage.rglob("*.parquet")
        if "_delta_log" not in path.parts
    }


def test_all_versions_are_kept_where_no_period_is_set(shop: Path, march: str) -> None:
    with Project.open(str(shop)) as project:
        project.apply()
        project.run()
        (shop / "data/orders-03.csv").write_text(march)
        project.run()
        assert freed(project) == {}
        assert len(project.workspace.catalogue.readable()["raw/orders"]) > 1


def test_versions_past_their_period_are_freed_but_for_those_that_something_needs(grown: Project) -> None:
    catalogue = grown.workspace.catalogue
    before, files = of_each_version(grown.workspace), files_of(grown)
    inputs = grown.training_set("churn").manifest["inputs"]
    first = {table: min(version for name, version in before if name == table) for table, _ in before}
    assert unneeded(grown.workspace, dt.datetime.now(dt.UTC)) == []

    gone = freed(grown)

    needed = {(version.table, version.version) for version in grown.tables()}
    needed |= {
        (table, number)
        for table, number in inputs.items()
        if table.split("/")[0] in ("views", "labels", "cutoffs")
    }
    needed |= {("training_sets/churn", version.version) for version in grown.training_sets()}
    for (table, number), rows in before.items():
        if (table, number) in needed:
            assert fingerprint(grown.workspace.read(table, number)) == rows
            assert catalogue.version(table, number).freed_at is None
        else:
            assert number in gone[table].versions
            assert catalogue.version(table, number).freed_at is not None
    assert ("raw/orders", first["raw/orders"]) not in needed
    assert sum(each.files for each in gone.values()) == len(files - files_of(grown)) > 0
    assert grown.verify_training_set("churn").holds
    assert freed(grown) == {}


def test_a_freed_version_says_so(grown: Project) -> None:
    catalogue = grown.workspace.catalogue
    first = catalogue.history("clean/orders")[-1]
    assert grown.read("clean/orders", at=first.committed_at).num_rows == first.rows
    freed(grown)
    with pytest.raises(
        NotFound, match=rf"version {first.version} of clean/orders was freed on .* by asof gc"
    ):
        grown.read("clean/orders", at=first.committed_at)


def test_a_training_set_of_versions_that_are_freed_meanwhile_is_not_recorded(kept: Path, march: str) -> None:
    with Project.open(str(kept)) as project:
        project.apply()
        project.run()
        catalogue = project.workspace.catalogue
        old = catalogue.current("views/spend")
        assert old is not None
        (kept / "data/orders-03.csv").write_text(march)
        project.run()
        freed(project)
        made = TableVersion(table="training_sets/x", version=1, run="", committed_at=dt.datetime.now(dt.UTC))
        manifest = Manifest("x", 1, {"inputs": {"views/spend": old.version}})
        with pytest.raises(Conflict, match=rf"version {old.version} of 'views/spend' was freed by asof gc"):
            catalogue.commit([made], expected={made.table: None}, manifest=manifest)
        assert catalogue.current(made.table) is None


def test_what_is_in_a_snapshot_is_kept_until_it_is_dropped(kept: Path, march: str) -> None:
    with Project.open(str(kept)) as project:
        project.apply()
        project.run()
        project.create_snapshot("february")
        before = {
            table: fingerprint(project.read(table, at="february"))
            for table in project.snapshot("february").versions
        }
        (kept / "data/orders-03.csv").write_text(march)
        project.run()
        freed(project)
        assert {table: fingerprint(project.read(table, at="february")) for table in before} == before
        project.drop_snapshot("february")
        assert freed(project)["raw/orders"].versions


def test_verify_says_which_versions_were_freed(grown: Project) -> None:
    number = grown.training_set("churn").manifest["inputs"]["views/spend"]
    engine = sqlalchemy.create_engine(grown.settings.catalogue)
    with engine.begin() as connection:  # as gc does not free what it needs
        connection.execute(
            VERSIONS.update()
            .where(VERSIONS.c.table == "views/spend", VERSIONS.c.version == number)
            .values(freed_at=dt.datetime(2026, 1, 2, 3, 4, tzinfo=dt.UTC))
        )
    with pytest.raises(NotFound, match=rf"views/spend@{number} \(freed on 2026-01-02 03:04Z by asof gc\)"):
        grown.verify_training_set("churn")
    engine.dispose()


def staged(project: Project, table: str) -> str:
    """The path in storage of a file that was written for the next version of a table, and never committed."""
    current = project.workspace.current(table)
    rows = project.workspace.read(table)
    base = project.workspace.base(table, rows.schema, on=current)
    return f"{table}/{base.stage(rows, schema=rows.schema)[0].path}"


def test_a_file_that_was_staged_goes_once_it_can_not_be_committed_any_more(shop: Path, march: str) -> None:
    with Project.open(str(shop)) as project:
        project.apply()
        project.run()
        path = staged(project, "raw/orders")
        assert project.gc() == []
        for number in (3, 4):
            (shop / f"data/orders-0{number}.csv").write_text(march)
            project.ingest()
        assert [(each.name, each.files) for each in project.gc()] == [("raw/orders", 1)]
        assert path not in files_of(project)


def test_a_file_that_was_staged_lately_stays_as_its_writer_may_be_at_work(shop: Path) -> None:
    with Project.open(str(shop)) as project:
        project.apply()
        project.run()
        path = staged(project, "raw/orders")
        assert project.gc() == []
        assert freed(project)["raw/orders"].files == 1
        assert path not in files_of(project)


def test_a_commit_that_is_not_in_the_catalogue_yet_keeps_its_files(shop: Path) -> None:
    with Project.open(str(shop)) as project:
        project.apply()
        project.run()
        current = project.workspace.current("raw/orders")
        rows = project.workspace.read("raw/orders")
        table = project.workspace.table("raw/orders")
        number = table.overwrite(rows, on=current.version)
        table.base(current.version)  # another writer rolls it back; its own may still come first
        assert freed(project) == {}
        assert table.read(number) == rows


def test_what_ended_runs_left_in_scratch_goes_and_that_of_runs_at_work_stays(shop: Path) -> None:
    with Project.open(str(shop)) as project:
        project.apply()
        project.run()
        catalogue = project.workspace.catalogue
        ended = catalogue.start_run(who="a").id
        catalogue.finish_run(ended, "failed")
        running = catalogue.start_run(who="b").id
        for run in (ended, running):
            folder = project.workspace.folder(f"scratch/{run}.0123")
            folder.create()
            Path(folder.uri, "rows.arrow").write_bytes(b"12345")
        with catalogue.at_work(running):
            assert project.gc() == [Unneeded(f"scratch/{ended}.0123", (), 1, 5, dropped=True)]
        assert [path.name for path in Path(project.settings.storage, "scratch").iterdir()] == [
            f"{running}.0123"
        ]
        catalogue.finish_run(running, "failed")
        assert [each.name for each in project.gc()] == [f"scratch/{running}.0123"]
        assert list(Path(project.settings.storage, "scratch").iterdir()) == []


def test_the_folder_of_a_table_that_the_catalogue_does_not_know_goes_once_it_is_old(shop: Path) -> None:
    with Project.open(str(shop)) as project:
        project.apply()
        project.run()
        table = project.workspace.table("views/dropped")
        rows = pa.table({"x": [1, 2, 3]})
        table.create(rows.schema)
        table.append(rows, on=0)
        assert project.gc() == []
        with running(project):
            assert freed(project) == {}
        assert freed(project)["views/dropped"].dropped
        assert not Path(table.uri).exists()


@contextmanager
def running(project: Project) -> Iterator[None]:
    """Within it somebody's run is at work."""
    catalogue = project.workspace.catalogue
    run = catalogue.start_run(who="somebody", alone=False)
    with catalogue.at_work(run.id):
        yield
    catalogue.finish_run(run.id, "succeeded")


def test_a_table_whose_folder_lies_in_that_of_another_is_not_taken_for_files_of_it(shop: Path) -> None:
    """As that of the training set `b` of an environment `a` does in that of a training set `a`."""
    with Project.open(str(shop)) as project:
        project.apply()
        project.run()
        catalogue, rows = project.workspace.catalogue, pa.table({"x": [1, 2, 3]})
        for name in ("training_sets/a", "training_sets/a/b"):
            table = project.workspace.table(name)
            table.create(rows.schema)
            number = table.append(rows, on=table.append(rows, on=table.append(rows, on=0)))
            made = TableVersion(table=name, version=number, run="", committed_at=dt.datetime.now(dt.UTC))
            if name != "training_sets/a":
                catalogue.commit([made], expected={name: None})
        assert freed(project) == {}
        assert project.read("training_sets/a/b").num_rows == 9


def test_another_catalogue_does_not_drop_the_tables_of_this_one(shop: Path) -> None:
    with Project.open(str(shop)) as project:
        project.apply()
        project.run()
        before = files_of(project)
    settings = shop / "asof.toml"
    settings.write_text(settings.read_text() + 'catalogue = "sqlite:///other.db"\n')
    with Project.open(str(shop)) as other:
        assert freed(other) == {}
        assert files_of(other) == before


def test_what_counted_since_a_run_at_work_began_is_kept_for_it(kept: Path, march: str) -> None:
    with Project.open(str(kept)) as project:
        project.apply()
        project.run()
        with running(project):
            (kept / "data/orders-03.csv").write_text(march)
            project.run()
            assert "raw/orders" not in freed(project)
        assert freed(project)["raw/orders"].versions


def test_beside_runs_in_another_process_nothing_is_lost(
    kept: Path, march: str, make_shop: Callable[[Path], Path]
) -> None:
    header, *lines = march.splitlines()
    with Project.open(str(kept)) as project:
        project.apply()
        gone = list[Unneeded]()
        for number in range(3, 5):
            (kept / f"data/orders-0{number}.csv").write_text(f"{header}\n{lines[number % 2]}\n")
            with asof(kept, "run") as run:
                while run.poll() is None:
                    gone += freed(project).values()
            assert run.returncode == 0
        gone += freed(project).values()
        assert any(each.name == "raw/orders" and each.versions for each in gone)
        assert contents(project) == undisturbed(make_shop(kept.parent / "undisturbed"), kept)


def undisturbed(folder: Path, like: Path) -> dict[str, tuple[int, str]]:
    """The tables of a project with the same files, run once."""
    for path in like.glob("data/*"):
        (folder / "data" / path.name).write_bytes(path.read_bytes())
    with Project.open(str(folder)) as project:
        project.apply()
        project.run()
        return contents(project)


def contents(project: Project) -> dict[str, tuple[int, str]]:
    """Every table, but for the runs that are named in it."""
    found = {}
    for version in project.tables():
        if not version.table.startswith("online/"):
            rows = project.read(version.table)
            rows = rows.drop_columns([name for name in ("run",) if name in rows.column_names])
            found[version.table] = (rows.num_rows, fingerprint(rows))
    return found


@contextmanager
def asof(folder: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "asof", *arguments, "--project", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        yield process


KILLED = """
import os, signal, sys
from datetime import UTC, datetime, timedelta
from asof.project import Project
from asof.retention.collecting import collect, unneeded
from asof.storage.folder import Folder

left = int(sys.argv[2])
remove = Folder.remove

def killing(folder, files):
    global left
    for file in files:
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1
        remove(folder, [file])

Folder.remove = killing
later = datetime.now(UTC) + timedelta(days=40)
with Project.open(sys.argv[1]) as project:
    list(collect(project.workspace, unneeded(project.workspace, later), later))
"""


def test_killed_half_way_the_next_frees_the_rest(grown: Project) -> None:
    for version in grown.tables()[:4]:
        staged(grown, version.table)
    before, expected = contents(grown), sum(each.files for each in unneeded(grown.workspace, later()))
    all_files = len(files_of(grown))
    for removed in (0, 1, expected - 3):
        command = [sys.executable, "-c", KILLED, str(grown.settings.folder), str(removed)]
        assert subprocess.run(command).returncode == -signal.SIGKILL
        assert contents(grown) == before
        assert grown.verify_training_set("churn").holds
    assert sum(each.files for each in freed(grown).values()) == 2
    assert len(files_of(grown)) == all_files - expected
    assert contents(grown) == before
    assert grown.verify_training_set("churn").holds


def command(folder: Path, *arguments: str) -> tuple[int, str, str]:
    with asof(folder, *arguments) as process:
        out, err = process.communicate(timeout=120)
    return process.returncode, out, err


def test_the_command_says_first_what_it_would_free(shop: Path) -> None:
    with Project.open(str(shop)) as project:
        project.apply()
        project.run()
        folder = project.workspace.folder("scratch/of-a-run-that-is-gone")
        folder.create()
        Path(folder.uri, "rows.arrow").write_bytes(b"12345")
    code, out, err = command(shop, "gc", "--dry-run")
    assert (code, err) == (0, "")
    assert "scratch/of-a-run-that-is-gone  all of it" in out
    assert "0 versions and 1 file of 5 B would be freed." in out
    assert 'All versions are kept, as no period is set: retention = "30d" in asof.toml sets one.' in out
    code, out, err = command(shop, "gc")
    assert (code, out) == (2, "")
    assert "0 versions and 1 file of 5 B would be freed; free them with --yes, or look with --dry-run" in err
    assert Path(folder.uri).exists()
    code, out, err = command(shop, "gc", "--yes", "--json")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert (found["freed"], found["versions"], found["files"], found["bytes"]) == (True, 0, 1, 5)
    assert not Path(folder.uri).exists()
    assert "There is nothing to free." in command(shop, "gc")[1]


def test_a_period_that_is_none_is_refused(shop: Path) -> None:
    settings = shop / "asof.toml"
    settings.write_text(settings.read_text() + 'retention = "a month"\n')
    with pytest.raises(DefinitionError, match="retention 'a month' is not a length of time"):
        Project.open(str(shop))
