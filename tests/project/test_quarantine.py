"""Rows in quarantine: seen, replayed exactly once, dropped, counted; and the limit on them."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from textwrap import dedent
from typing import Any, ClassVar

import pytest

import asof
from asof.features.definition import assign, definition
from asof.features.readers import Reader
from asof.features.source import Source
from asof.ingest import connector
from asof.ingest.batch import Batch, rejected_table
from asof.ingest.files.json_lines import read
from asof.ingest.place import Place
from asof.project import Project
from asof.storage.catalogue import Step

DEFINITIONS = """
from asof import *
from a_third_party import Queue

orders = Source(
    "orders",
    reader={reader},
    schema={{"id": {id}, "name": String}},
    known_since="2024-01-01",{more}
)
"""
FILE = 'id,name\n1,mug\n70000,"tea\npot"\n3\n4,caf\xe9\n'.encode("latin-1")


@definition
class Queue(Reader):
    """Lines that can be had once: they are gone when they are asked for again from before."""

    folder: str
    rereadable: ClassVar[bool] = False

    def __init__(self, folder: str) -> None:
        assign(self, folder=folder)

    @property
    def where(self) -> str:
        return self.folder


class QueueConnector:
    """A file of JSON lines for each batch; one whose cursor was committed is taken away."""

    def __init__(self, source: Source, place: Place) -> None:
        self._source = source
        self._folder = Path(place.root) / source.reader.where

    def pending(self, cursor: Mapping[str, Any] | None) -> list[str]:
        return [path.name for path in sorted(self._folder.iterdir()) if path.name > _last(cursor)]

    def batches(self, cursor: Mapping[str, Any] | None) -> Iterator[Batch]:
        for path in sorted(self._folder.iterdir()):
            if path.name <= _last(cursor):
                path.unlink()
        for name in self.pending(cursor):
            found = read((self._folder / name).read_bytes(), self._source)
            rejected = rejected_table(found.rejections, name)
            yield Batch(found.rows, rejected, {"last": name}, name, found.rows.num_rows + len(rejected))


def _last(cursor: Mapping[str, Any] | None) -> str:
    return cursor.get("last", "") if cursor else ""


@pytest.fixture(autouse=True)
def queue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "a_third_party", sys.modules[__name__])
    monkeypatch.setitem(connector._BUILT_IN, "Queue", "a_third_party:QueueConnector")


def define(folder: Path, id: str, reader: str = 'Files("*.csv")', more: str = "") -> None:
    text = DEFINITIONS.format(reader=reader, id=id, more=more)
    (folder / "definitions.py").write_text(dedent(text))


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    (tmp_path / "asof.toml").write_text('name = "shop"\ndefinitions = "definitions.py"\n')
    (tmp_path / "a.csv").write_bytes(FILE)
    define(tmp_path, "Int16")
    return tmp_path


def run(folder: Path) -> dict[str, Step]:
    steps: list[Step] = []
    with Project.open(str(folder)) as project:
        project.apply()
        project.run(on_step=steps.append)
    return {step.name: step for step in steps}


def rows(folder: Path, table: str = "raw/orders") -> list[tuple[Any, ...]]:
    with Project.open(str(folder)) as project:
        return [tuple(row.values()) for row in project.workspace.read(table).to_pylist()]


def reasons(folder: Path) -> dict[int, str]:
    with Project.open(str(folder)) as project:
        return {row["line"]: row["reason"] for row in project.quarantined("orders").to_pylist()}


def replay(folder: Path, **chosen: str) -> Step:
    with Project.open(str(folder)) as project:
        project.apply()
        return project.replay("orders", **chosen)


def test_rows_wait_with_all_that_is_needed_to_read_them_again(shop: Path) -> None:
    run(shop)
    with Project.open(str(shop)) as project:
        first, short, bytes = project.quarantined("orders").to_pylist()
        last = project.runs()[0].id
    assert (first["raw"], first["column"], first["line"]) == ('70000,"tea\npot"', "id", 3)
    assert (short["raw"], short["column"], short["line"]) == ("3", None, 5)
    assert (bytes["raw"], bytes["column"], bytes["line"]) == (r"4,caf\xe9", "name", 6)
    assert {row["layout"] for row in (first, short, bytes)} == {'{"delimiter":",","names":["id","name"]}'}
    assert {row["run"] for row in (first, short, bytes)} == {last}


def test_replay_moves_what_is_now_as_defined_exactly_once(shop: Path) -> None:
    run(shop)
    define(shop, "Int32")
    step = replay(shop)
    assert (step.rows_read, step.rows_written, step.rows_quarantined) == (4, 2, 2)
    assert (step.details["tried"], step.details["moved"], step.details["carried"]) == (3, 1, 1)
    assert rows(shop) == [(1, "mug", 0), (70000, "tea\npot", 1)]
    assert reasons(shop) == {
        5: "has 1 fields where the header has 2",
        6: "name: holds bytes that are no UTF-8",
    }
    again = replay(shop)
    assert (again.details["moved"], len(rows(shop))) == (0, 2)
    steps = run(shop)
    assert steps["ingest orders"].status == "skipped"
    assert steps["clean orders"].rows_written == 2


def test_replay_gives_what_reading_anew_gives(shop: Path) -> None:
    run(shop)
    define(shop, "String")
    with pytest.raises(
        asof.DataError, match="'id' was kept as int16, not as it stood; asof run reads it anew"
    ):
        replay(shop)
    define(shop, "Int32", more='\n    timezone="Europe/Berlin",')
    with pytest.raises(asof.DataError, match="its reader or time zone has changed"):
        replay(shop)
    assert run(shop)["ingest orders"].rows_written == 2
    assert len(reasons(shop)) == 2


def test_replay_without_a_change_appends(shop: Path) -> None:
    define(shop, "Int16", more='\n    contract=Contract(new_nulls="discard"),')
    (shop / "a.csv").write_text("id,name\n1,mug\n2,cup\n")
    run(shop)
    (shop / "b.csv").write_text("id,name\n3,\n")
    assert run(shop)["ingest orders"].rows_quarantined == 1
    assert replay(shop).details["moved"] == 0
    define(shop, "Int16")
    assert replay(shop, column="name").details["moved"] == 1
    assert rows(shop) == [(1, "mug", 0), (2, "cup", 1), (3, None, 2)]
    assert run(shop)["clean orders"].rows_written == 3


def test_only_chosen_rows_are_replayed(shop: Path) -> None:
    run(shop)
    define(shop, "Int32")
    assert replay(shop, reason="UTF-8").details["tried"] == 1
    assert replay(shop, column="id").details["moved"] == 1
    assert replay(shop, run="no such run").details["tried"] == 0


def test_drop_is_counted_and_on_record(shop: Path) -> None:
    run(shop)
    with Project.open(str(shop)) as project:
        step = project.drop_quarantined("orders", column="id")
        [recorded] = project.steps(step.run)
        who = project.workspace.catalogue.run(step.run).who
    assert (step.rows_read, step.rows_dropped, step.details["chosen"]) == (1, 1, {"column": "id"})
    assert (recorded.name, recorded.rows_dropped) == ("drop orders", 1)
    assert who
    assert sorted(reasons(shop)) == [5, 6]


def test_rows_that_cleaning_rejected_are_tried_again_by_a_run(shop: Path) -> None:
    (shop / "a.csv").write_text("id,name\n1,mug\n-2,cup\n")
    define(shop, "Int16", more='\n    expect=[between("id", low=0, on_fail="quarantine")],')
    run(shop)
    assert len(reasons(shop)) == 1
    assert replay(shop).details["tried"] == 0
    define(shop, "Int16", more='\n    expect=[between("id", low=-5, on_fail="quarantine")],')
    steps = run(shop)
    assert steps["ingest orders"].status == "skipped"
    assert steps["clean orders"].rows_written == 2
    assert reasons(shop) == {}


@pytest.mark.parametrize("limit", ["1", "0.5"])
def test_too_many_rejected_rows_fail_the_run(shop: Path, limit: str) -> None:
    define(shop, "Int16", more=f"\n    max_rejected={limit},")
    with pytest.raises(asof.DataError, match=rf"3 of 4 rows were rejected, max_rejected is {limit}; nothing"):
        run(shop)
    with Project.open(str(shop)) as project:
        assert [table.table for table in project.tables()] == ["rejected/orders"]
        assert project.quarantined("orders", failed=True)["line"].to_pylist() == [3, 5, 6]
        [step] = project.steps(project.runs()[0].id)
        assert (step.status, step.rows_read) == ("failed", 0)
    define(shop, "Int16", more="\n    max_rejected=0.75,")
    assert run(shop)["ingest orders"].rows_quarantined == 3


def test_too_many_rows_that_break_a_rule_fail_the_run(shop: Path) -> None:
    (shop / "a.csv").write_text("id,name\n1,mug\n-2,cup\n")
    rule = '\n    expect=[between("id", low=0, on_fail="quarantine")],\n    max_rejected=0,'
    define(shop, "Int16", more=rule)
    with pytest.raises(asof.DataError, match="1 of 2 rows were rejected"):
        run(shop)
    with Project.open(str(shop)) as project:
        assert [table.table for table in project.tables()] == ["raw/orders", "rejected/orders"]


def test_a_drifted_source_is_in_the_plan(shop: Path) -> None:
    define(shop, "Int16", more='\n    contract=Contract(new_columns="evolve", types="evolve"),')
    (shop / "a.csv").write_text("id,name,note\n1,mug,5\n")
    run(shop)
    (shop / "b.csv").write_text("id,name,note\n70000,cup,5.5\n1,\n")
    run(shop)
    with Project.open(str(shop)) as project:
        plan = project.plan()
        raw = project.workspace.read("raw/orders").to_pylist()
    assert plan.empty
    found = [(drift.column, drift.what, drift.type) for drift in plan.drift]
    assert found == [("id", "changed", "int64"), ("note", "widened", "float64")]
    assert "declare 'id': Int64" in plan.drift[0].hint
    assert [(row["id"], row["note"], row.get("id__given")) for row in raw] == [
        (1, "5", None),
        (None, "5.5", "70000"),
    ]


def test_columns_that_nobody_reads_are_in_the_plan(shop: Path) -> None:
    define(shop, "Int16")
    (shop / "a.csv").write_text("id,name\n1,mug\n")
    run(shop)
    with Project.open(str(shop)) as project:
        assert project.plan().drift == ()
    (shop / "b.csv").write_text("id,note,name,colour\n2,x,cup,red\n")
    run(shop)
    (shop / "c.csv").write_text("id,name\n3,pot\n")
    run(shop)
    with Project.open(str(shop)) as project:
        plan = project.plan()
        assert project.workspace.read("raw/orders")["id"].to_pylist() == [1, 2, 3]
    assert plan.empty
    assert [(each.column, each.what, each.type) for each in plan.drift] == [
        ("colour", "ignored", None),
        ("note", "ignored", None),
    ]


def push(folder: Path, name: str, *lines: str) -> None:
    (folder / "queue").mkdir(exist_ok=True)
    (folder / "queue" / name).write_text("".join(f"{line}\n" for line in lines))


def test_what_can_not_be_read_again_is_carried_over(shop: Path) -> None:
    define(shop, "Int16", 'Queue("queue")')
    push(shop, "1", '{"id": 1, "name": "7"}', '{"id": 70000, "name": "8"}', '{"id": 2, "name": "x"}')
    run(shop)
    push(shop, "2", '{"id": 3, "name": "9"}')
    run(shop)
    assert not (shop / "queue/1").exists()
    push(shop, "3", '{"id": 4, "name": "10", "size": 1.5}')
    path = shop / "definitions.py"
    define(shop, "Int32", 'Queue("queue")')
    path.write_text(path.read_text().replace('"name": String', '"name": Int64, "size": Float64'))
    step = run(shop)["ingest orders"]
    assert (step.rows_read, step.rows_written, step.rows_quarantined) == (5, 4, 1)
    assert rows(shop) == [(1, 7, None, 0), (3, 9, None, 2), (70000, 8, None, 3), (4, 10, 1.5, 4)]
    with Project.open(str(shop)) as project:
        [left] = project.quarantined("orders").to_pylist()
    assert (left["raw"], left["column"]) == ('{"id":2,"name":"x"}', "name")
    assert left["reason"] == "name: 'x' is not an int64"
    define(shop, "Int32", 'Queue("queue")')
    assert run(shop)["ingest orders"].rows_written == 5
    assert [row[:2] for row in rows(shop)] == [(1, "7"), (3, "9"), (70000, "8"), (4, "10"), (2, "x")]
