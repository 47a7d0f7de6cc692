"""A snapshot names the version of every table at one moment, to be read as it was then."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from asof.cli.main import cli
from asof.errors import Conflict, DefinitionError, NotFound
from asof.project import Project
from asof.storage.catalogue import Catalogue, Snapshot, TableVersion
from asof.storage.fingerprint import fingerprint


@pytest.fixture(params=["sqlite", "postgres"])
def built(request: pytest.FixtureRequest, shop: Path) -> Iterator[Project]:
    """The small project, run once."""
    if request.param == "postgres":
        settings = shop / "asof.toml"
        settings.write_text(settings.read_text() + f'catalogue = "{request.getfixturevalue("postgres")}"\n')
    with Project.open(str(shop)) as project:
        project.apply()
        project.run()
        yield project


def stored(project: Project) -> dict[str, int]:
    tables = project.workspace.catalogue.tables()
    return {version.table: version.version for version in tables if not version.table.startswith("online/")}


def test_all_tables_are_read_as_they_were(built: Project, march: str) -> None:
    before = dt.datetime.now(dt.UTC)
    taken = built.create_snapshot("february")
    assert dict(taken.versions) == stored(built)
    assert taken.revision == 1
    rows = {table: fingerprint(built.read(table)) for table in taken.versions}
    (built.settings.folder / "data/orders-03.csv").write_text(march)
    built.run()
    assert fingerprint(built.read("raw/orders")) != rows["raw/orders"]
    assert {table: fingerprint(built.read(table, at="february")) for table in rows} == rows
    assert {table: fingerprint(built.read(table, at=before)) for table in rows} == rows
    assert [(each.table, each.version) for each in built.tables("february")] == sorted(taken.versions.items())
    at_the_time = {each.table: each.version for each in built.tables(before)}
    assert {table: at_the_time[table] for table in rows} == dict(taken.versions)
    assert built.snapshots() == [taken]
    assert built.snapshot("february") == taken


def test_a_name_is_taken_once_and_can_be_dropped(built: Project) -> None:
    first = built.create_snapshot("one")
    with pytest.raises(Conflict, match="there is a snapshot 'one' already; take another name, or drop it"):
        built.create_snapshot("one")
    assert built.drop_snapshot("one") == first
    assert built.snapshots() == []
    built.create_snapshot("one")


@pytest.mark.parametrize("name", ["", "2026-01-01", "a b", "ä"])
def test_a_name_that_could_be_a_time_is_refused(shop: Path, name: str) -> None:
    with (
        Project.open(str(shop)) as project,
        pytest.raises(DefinitionError, match="a name begins with a letter"),
    ):
        project.create_snapshot(name)


def test_what_is_not_there_is_said(built: Project) -> None:
    built.create_snapshot("february")
    with pytest.raises(NotFound, match="no snapshot 'febuary'; did you mean 'february'"):
        built.read("raw/orders", at="febuary")
    with pytest.raises(NotFound, match="no snapshot 'x'; allowed: february"):
        built.drop_snapshot("x")
    with pytest.raises(NotFound, match="table 'views/later' was not there yet at the snapshot 'february'"):
        built.read("views/later", at="february")
    with pytest.raises(NotFound, match="no version of 'raw/orders' at 2020-01-01"):
        built.read("raw/orders", at=dt.datetime(2020, 1, 1, tzinfo=dt.UTC))


def test_without_tables_there_is_nothing_to_name(shop: Path) -> None:
    with Project.open(str(shop)) as project, pytest.raises(NotFound, match="there are no tables yet"):
        project.create_snapshot("early")


def test_a_snapshot_is_of_one_moment(tmp_path: Path) -> None:
    """Two tables always move together, and no snapshot has them apart."""
    with Catalogue(f"sqlite:///{tmp_path}/catalogue.db") as catalogue:
        check_together(catalogue)


def test_a_snapshot_is_of_one_moment_on_postgres(postgres: str) -> None:
    with Catalogue(postgres) as catalogue:
        check_together(catalogue)


def check_together(catalogue: Catalogue) -> None:
    def moved(number: int) -> list[TableVersion]:
        now = dt.datetime.now(dt.UTC)
        return [TableVersion(table=name, version=number, run="", committed_at=now) for name in ("a", "b")]

    def move() -> None:
        for number in range(2, 40):
            catalogue.commit(moved(number), expected={"a": number - 1, "b": number - 1})

    catalogue.commit(moved(1), expected={"a": None, "b": None})
    mover = threading.Thread(target=move)
    mover.start()
    taken = list[Snapshot]()
    while mover.is_alive():
        taken.append(catalogue.create_snapshot(f"s{len(taken)}", who=""))
    mover.join()
    assert taken
    assert all(each.versions["a"] == each.versions["b"] for each in taken)


def test_the_commands(shop: Path, march: str) -> None:
    with Project.open(str(shop)) as project:
        project.apply()
        project.run()
        count = len(stored(project))

    def asof(*arguments: str) -> str:
        result = CliRunner().invoke(cli, [*arguments, "--project", str(shop)], catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.output

    assert "There are no snapshots" in asof("snapshot", "list")
    assert f"february names the versions of {count} tables." in asof("snapshot", "create", "february")
    (shop / "data/orders-03.csv").write_text(march)
    with Project.open(str(shop)) as project:
        project.run()
    assert "raw/orders" in asof("snapshot", "show", "february")
    then, now = asof("tables", "--at", "february"), asof("tables")
    assert "raw/orders" in then
    assert then != now
    assert "11 rows" in asof("tables", "raw/orders", "--at", "february")
    assert "13 rows" in asof("tables", "raw/orders")
    assert '"name":"february"' in asof("snapshot", "list", "--json")
    assert "Dropped snapshot february." in asof("snapshot", "drop", "february")
