import dataclasses
import datetime as dt
import json
import os
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy

from asof.errors import Conflict, DataError, DefinitionError, NotFound
from asof.storage.catalogue import Catalogue, Run, Step, TableVersion, heartbeat
from asof.storage.catalogue.heartbeat import is_alive
from asof.storage.catalogue.schema import METADATA

HERE = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
NOON = dt.datetime(2026, 1, 1, 12, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgres":
        found: str = request.getfixturevalue("postgres")
        return found
    return f"sqlite:///{tmp_path}/catalogue.db"


@pytest.fixture
def catalogue(url: str) -> Iterator[Catalogue]:
    with Catalogue(url) as opened:
        yield opened


def made(table: str, version: int, **more: Any) -> TableVersion:
    return TableVersion(**{"run": "r", "committed_at": NOON, **more}, table=table, version=version)


def test_an_empty_catalogue(catalogue: Catalogue) -> None:
    assert catalogue.current("raw/a") is None
    assert catalogue.tables() == []
    assert catalogue.history("raw/a") == []
    assert catalogue.runs() == []
    assert catalogue.revision() is None
    assert catalogue.revisions() == []
    assert catalogue.training_sets() == []


def test_a_version_comes_back_as_it_was_given(catalogue: Catalogue) -> None:
    berlin = dt.timezone(HOUR)
    version = made(
        "raw/a",
        3,
        committed_at=dt.datetime(2026, 1, 1, 13, 0, 0, 1, berlin),
        definition="abc",
        inputs={"raw/b": 7},
        through=2**40,
        cursor={"files": ["é.csv"], "at": None},
        rows=2**33,
        bytes=2**34,
        details={"sketch": {"x": [1.5, -0.25]}},
    )
    catalogue.commit([version], expected={"raw/a": None})
    assert catalogue.current("raw/a") == version
    found = catalogue.version("raw/a", 3)
    assert found == version
    assert found.committed_at.tzinfo == dt.UTC
    assert found.committed_at.microsecond == 1


def test_versions_by_number_and_by_time(catalogue: Catalogue) -> None:
    before = None
    for version in (1, 2, 5):
        catalogue.commit([made("t", version, committed_at=NOON + version * HOUR)], expected={"t": before})
        before = version
    assert [one.version for one in catalogue.history("t")] == [5, 2, 1]
    at = {hours: catalogue.version_at("t", NOON + hours * HOUR).version for hours in (1, 4, 5, 9)}
    assert at == {1: 1, 4: 2, 5: 5, 9: 5}
    with pytest.raises(NotFound, match=r"no version of 't' at 2026-01-01T12.*it has 3, from 1"):
        catalogue.version_at("t", NOON)
    with pytest.raises(NotFound, match="no version 3 of 't'"):
        catalogue.version("t", 3)
    with pytest.raises(NotFound, match="no version 1 of 'other'; it has none"):
        catalogue.version("other", 1)


def test_times_need_a_zone(catalogue: Catalogue) -> None:
    naive = dt.datetime(2026, 1, 1)
    with pytest.raises(DefinitionError, match="has no time zone"):
        catalogue.version_at("t", naive)
    with pytest.raises(DefinitionError, match="has no time zone"):
        catalogue.commit([made("t", 1, committed_at=naive)], expected={"t": None})
    assert catalogue.current("t") is None


def test_a_commit_is_whole_or_not_at_all(catalogue: Catalogue) -> None:
    catalogue.commit([made("a", 1), made("b", 1)], expected={"a": None, "b": None})
    step = Step(run="r", name="ingest a", status="succeeded", started_at=NOON)
    with pytest.raises(Conflict, match="'b': expected version none, found 1"):
        catalogue.commit(
            [made("a", 2), made("b", 2)],
            expected={"a": 1, "b": None},
            step=step,
            manifest=("churn", 1, {}),
        )
    assert [(one.table, one.version) for one in catalogue.tables()] == [("a", 1), ("b", 1)]
    assert [one.version for one in catalogue.history("a")] == [1]
    assert catalogue.steps("r") == []
    assert catalogue.training_sets() == []

    catalogue.commit([made("a", 2)], expected={"a": 1, "b": 1}, step=step, manifest=("churn", 1, {"rows": 5}))
    assert [(one.table, one.version) for one in catalogue.tables()] == [("a", 2), ("b", 1)]
    assert catalogue.steps("r") == [step]
    assert catalogue.training_set("churn").manifest == {"rows": 5}


def test_a_conflict_says_whose_change_came_first(catalogue: Catalogue) -> None:
    run = catalogue.start_run(who="somebody@desk", engine="local", code_revision="")
    catalogue.commit([made("a", 4, run=run.id)], expected={"a": None})
    said = rf"'a': expected version 1, found 4, committed by run {run.id} of somebody@desk at 2026"
    with pytest.raises(Conflict, match=said):
        catalogue.commit([made("a", 2)], expected={"a": 1})
    with pytest.raises(Conflict, match="'b': expected version 1, found none"):
        catalogue.commit([made("b", 2)], expected={"b": 1})


def test_a_table_that_was_only_read_must_not_have_moved(catalogue: Catalogue) -> None:
    catalogue.commit([made("in", 1)], expected={"in": None, "out": None})
    catalogue.commit([made("in", 2)], expected={"in": 1})
    with pytest.raises(Conflict, match="'in': expected version 1, found 2"):
        catalogue.commit([made("out", 1)], expected={"out": None, "in": 1})
    with pytest.raises(Conflict, match="'in': expected version none, found 2"):
        catalogue.commit([made("out", 1)], expected={"out": None, "in": None})
    assert catalogue.current("out") is None


def test_wrong_commits_are_refused(catalogue: Catalogue) -> None:
    with pytest.raises(DefinitionError, match="'a' that is expected isn't given"):
        catalogue.commit([made("a", 1)], expected={})
    with pytest.raises(DefinitionError, match="given twice"):
        catalogue.commit([made("a", 1), made("a", 2)], expected={"a": None})
    catalogue.commit([made("a", 3)], expected={"a": None})
    with pytest.raises(DefinitionError, match="version 3 can't come after 3"):
        catalogue.commit([made("a", 3)], expected={"a": 3})


def test_runs_and_steps(catalogue: Catalogue) -> None:
    first = catalogue.start_run(who="one", engine="local", code_revision="abc")
    assert first.status == "running"
    assert catalogue.run(first.id) == first
    second = catalogue.start_run(who="two")
    assert [run.id for run in catalogue.runs()] == [second.id, first.id]
    assert [run.id for run in catalogue.runs(limit=1)] == [second.id]

    ended = catalogue.finish_run(first.id, "failed", error="disk full")
    assert (ended.status, ended.error) == ("failed", "disk full")
    assert ended.finished_at is not None
    assert ended.finished_at >= first.started_at
    assert catalogue.run(first.id) == ended

    later = Step(run=first.id, name="clean", status="running", started_at=NOON + HOUR)
    early = Step(run=first.id, name="ingest", status="running", started_at=NOON)
    done = Step(
        run=first.id,
        name="ingest",
        status="succeeded",
        started_at=NOON,
        finished_at=NOON + HOUR,
        rows_read=6,
        rows_written=3,
        rows_quarantined=2,
        rows_dropped=1,
        details={"file": "a.csv"},
    )
    for step in (later, early, done):
        catalogue.record_step(step)
    assert catalogue.steps(first.id) == [done, later]
    for call in (catalogue.run, lambda id: catalogue.finish_run(id, "succeeded")):
        with pytest.raises(NotFound, match="no run 'nope'"):
            call("nope")


def test_one_run_at_a_time(catalogue: Catalogue) -> None:
    first = catalogue.start_run(who="one@desk")
    with (
        catalogue.at_work(first.id),
        pytest.raises(Conflict, match=rf"run {first.id} of one@desk is at work"),
    ):
        catalogue.start_run(who="two")
    second = catalogue.start_run(who="two")
    assert catalogue.run(first.id).status == "lost"
    catalogue.finish_run(second.id, "succeeded")
    catalogue.start_run(who="three")
    assert catalogue.run(second.id).status == "succeeded"


@pytest.mark.parametrize(
    ("changes", "alive"),
    [
        ({}, True),
        ({"host": "elsewhere", "process": 1}, True),
        ({"host": "elsewhere", "seen_at": NOON}, False),
        ({"process": os.getpid()}, False),
        ({"process": 2**22 + 1}, False),
        ({"seen_at": None}, False),
    ],
)
def test_a_run_is_at_work_while_it_says_so_and_its_process_is_there(
    changes: dict[str, Any], alive: bool
) -> None:
    now = dt.datetime.now(dt.UTC)
    run = Run(id="r", started_at=NOON, host=socket.gethostname(), process=os.getppid(), seen_at=now)
    assert is_alive(dataclasses.replace(run, **changes)) is alive


def test_a_run_says_that_it_is_at_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat, "EVERY", dt.timedelta(milliseconds=1))
    seen = threading.Semaphore(0)

    def see(run: str) -> None:
        seen.release()
        raise NotFound("lost the catalogue")

    with heartbeat.beating("r", see):
        assert all(seen.acquire(timeout=60) for _ in range(3))


def test_definitions_are_applied_on_top_of_each_other(catalogue: Catalogue) -> None:
    one = catalogue.apply({"views": {"a": [1]}}, "h1", who="first", expected=None)
    two = catalogue.apply({"views": {}}, "h2", who="second", expected=1)
    assert (one.number, two.number) == (1, 2)
    assert catalogue.revision() == two
    assert catalogue.revision(1) == one
    assert catalogue.revisions() == [two, one]
    with pytest.raises(Conflict, match=r"expected revision 1 .*found 2, applied by second at 20"):
        catalogue.apply({}, "h3", who="third", expected=1)
    with pytest.raises(Conflict, match="expected revision none"):
        catalogue.apply({}, "h3", who="third", expected=None)
    with pytest.raises(Conflict, match="expected revision 9"):
        catalogue.apply({}, "h3", who="third", expected=9)
    with pytest.raises(NotFound, match=r"no revision 7 .*newest is 2"):
        catalogue.revision(7)


def test_the_revision_that_counted_at_a_time(catalogue: Catalogue) -> None:
    before = dt.datetime.now(dt.UTC)
    with pytest.raises(NotFound, match="no definitions were applied yet at"):
        catalogue.revision_at(before)
    one = catalogue.apply({"a": 1}, "h1", who="me", expected=None, code_revision="abc")
    two = catalogue.apply({}, "h2", who="me", expected=1)
    back = catalogue.apply({"a": 1}, "h1", who="me", expected=2, rolled_back_to=1)
    assert (one.code_revision, one.rolled_back_to, back.rolled_back_to) == ("abc", None, 1)
    for each in (one, two, back):
        assert catalogue.revision_at(each.applied_at) == each
    assert catalogue.revision_at(dt.datetime.now(dt.UTC)) == back


def test_first_revision_expected_but_not_there(catalogue: Catalogue) -> None:
    with pytest.raises(Conflict, match="none was applied yet"):
        catalogue.apply({}, "h", who="me", expected=1)


def test_training_sets(catalogue: Catalogue) -> None:
    for name, version in (("churn", 1), ("churn", 2), ("basket", 1)):
        catalogue.add_training_set(name, version, {"rows": version})
    listed = [(one.name, one.version) for one in catalogue.training_sets()]
    assert listed == [("basket", 1), ("churn", 2), ("churn", 1)]
    assert [one.version for one in catalogue.training_sets("churn")] == [2, 1]
    assert catalogue.training_set("churn").version == 2
    assert catalogue.training_set("churn", 1).manifest == {"rows": 1}
    with pytest.raises(Conflict, match="'churn' already has a version 2"):
        catalogue.add_training_set("churn", 2, {})
    with pytest.raises(NotFound, match="did you mean 'churn'"):
        catalogue.training_set("chrun")
    with pytest.raises(NotFound, match="no version 9 of training set 'churn'; there are 1, 2"):
        catalogue.training_set("churn", 9)


COMMIT = """
import datetime, json, sys
from asof.errors import Conflict
from asof.storage.catalogue import Catalogue, TableVersion

url, who, what = sys.argv[1:]
catalogue = Catalogue(url)
print("ready", flush=True)
sys.stdin.readline()
try:
    if what == "commit":
        run = catalogue.start_run(who=who).id
        now = datetime.datetime.now(datetime.UTC)
        catalogue.commit(
            [TableVersion(table=t, version=1, run=run, committed_at=now) for t in "ab"],
            expected={"b": None, "a": None},
        )
    else:
        catalogue.apply({}, "h", who=who, expected=None)
    print(json.dumps("won"))
except Conflict as conflict:
    print(json.dumps(str(conflict)))
"""


@pytest.mark.parametrize("what", ["commit", "apply"])
def test_of_two_processes_one_wins_and_one_is_told_who_did(url: str, what: str) -> None:
    # The catalogue isn't there yet: they race for making its tables, too.
    racers = {who: _started(url, who, what) for who in ("ann", "ben")}
    for racer in racers.values():
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"
    for racer in racers.values():
        assert racer.stdin is not None
        racer.stdin.write("go\n")
        racer.stdin.flush()
    said = {who: json.loads(racer.communicate()[0]) for who, racer in racers.items()}
    winner = next(who for who, result in said.items() if result == "won")
    loser = next(who for who in said if who != winner)
    assert "expected" in said[loser] or "is at work" in said[loser]
    assert winner in said[loser]


def _started(url: str, who: str, what: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", COMMIT, url, who, what],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=HERE,
    )


def test_many_threads_count_together_without_losing_one(catalogue: Catalogue) -> None:
    catalogue.commit([made("n", 0)], expected={"n": None})

    def increment(_: int) -> None:
        while True:
            before = catalogue.current("n")
            assert before is not None
            try:
                catalogue.commit([made("n", before.version + 1)], expected={"n": before.version})
            except Conflict:
                continue
            return

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(increment, range(20)))
    current = catalogue.current("n")
    assert current is not None
    assert current.version == 20
    assert len(catalogue.history("n")) == 21


def test_readers_are_not_kept_waiting_by_a_writer(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.db"
    with Catalogue(str(path)) as catalogue:
        catalogue.commit([made("a", 1)], expected={"a": None})
        writer = sqlite3.connect(path, isolation_level=None)
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("UPDATE asof_table_heads SET version = 9")
        current = catalogue.current("a")
        writer.execute("ROLLBACK")
        writer.close()
    assert current is not None
    assert current.version == 1


def test_opening_does_nothing_yet(tmp_path: Path) -> None:
    Catalogue(f"sqlite:///{tmp_path}/catalogue.db")
    assert list(tmp_path.iterdir()) == []


def test_places_where_no_catalogue_can_be(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"no folder .*absent"):
        Catalogue(f"sqlite:///{tmp_path}/absent/catalogue.db")
    with pytest.raises(NotFound, match=r"can't open the catalogue at .*: unable to open"):
        Catalogue(f"sqlite:///{tmp_path}").tables()
    text = tmp_path / "text"
    text.write_text("no database " * 1000)
    with pytest.raises(DataError, match="is no catalogue"):
        Catalogue(f"sqlite:///{text}").tables()
    with pytest.raises(DefinitionError, match="allowed: sqlite:///path, postgresql"):
        Catalogue("mysql://host/database")
    for memory in ("sqlite://", "sqlite:///:memory:"):
        with pytest.raises(DefinitionError, match="needs a file"):
            Catalogue(memory)


def test_a_catalogue_of_a_later_asof_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.db"
    with Catalogue(str(path)) as catalogue:
        catalogue.tables()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE asof_schema SET version = 99")
    connection.close()
    with pytest.raises(DefinitionError, match="has schema 99, this Asof knows schema 3"):
        Catalogue(str(path)).tables()


def make_older_one(url: str) -> None:
    """The catalogue that schema 2 made, with a row in each of its tables."""
    text = (Path(__file__).parent / "catalogue_schema_2.sql").read_text()
    engine = sqlalchemy.create_engine(url)
    if engine.dialect.name == "postgresql":
        text = text.replace("BLOB", "BYTEA")
    with engine.begin() as connection:
        for statement in filter(str.strip, text.split(";\n")):
            connection.exec_driver_sql(statement)
    engine.dispose()


def test_a_catalogue_of_an_older_asof_is_brought_to_the_present_schema(url: str) -> None:
    make_older_one(url)
    with Catalogue(url) as catalogue:
        revision = catalogue.revision()
        (run,) = catalogue.runs()
        (step,) = catalogue.steps(run.id)
        assert revision is not None
        assert (revision.number, revision.who, revision.hash) == (1, "ada@lab", "h1")
        assert (revision.environment, revision.code_revision, revision.rolled_back_to) == ("", "", None)
        assert (step.rows_read, step.rows_written, step.inputs, step.outputs) == (12, 10, {}, {})
        assert catalogue.tables()[0].cursor == {"files": {"a.csv": 1}}
        assert catalogue.training_set("churn").manifest == {"rows": 3}
        catalogue.push("events", "json", [b"{}"], "k2")
        assert catalogue.pushes_waiting("events", 0) == [2]
        catalogue.apply({}, "h2", who="me", expected=1)
    with Catalogue(url) as again:
        assert [each.number for each in again.revisions()] == [2, 1]


def test_an_older_catalogue_has_the_schema_of_a_new_one_afterwards(url: str, tmp_path: Path) -> None:
    def columns(of: str) -> dict[str, list[tuple[str, str]]]:
        engine = sqlalchemy.create_engine(of)
        looked = sqlalchemy.inspect(engine)
        found = {
            table: [(column["name"], str(column["type"])) for column in looked.get_columns(table)]
            + [(index["name"] or "", "index") for index in looked.get_indexes(table)]
            for table in looked.get_table_names()
        }
        engine.dispose()
        return found

    make_older_one(url)
    with Catalogue(url) as catalogue:
        catalogue.tables()
    before = columns(url)
    engine = sqlalchemy.create_engine(url)
    METADATA.drop_all(engine)
    engine.dispose()
    with Catalogue(url) as catalogue:
        catalogue.tables()
    assert before == columns(url)


def test_many_that_open_an_older_catalogue_at_once_migrate_it_once(url: str) -> None:
    make_older_one(url)
    many = [Catalogue(url) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(Catalogue.revisions, many))
    for catalogue in many:
        catalogue.close()
    assert all([each.number for each in revisions] == [1] for revisions in found)
