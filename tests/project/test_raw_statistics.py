"""What is known of the columns of a raw table: kept with each version, as of all of its rows."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

import asof.steps.ingest
from asof.features.readers import Files
from asof.project import Project
from asof.storage.catalogue import TableVersion
from asof.transforms.statistics import Statistics, from_json, statistics

DEFINITIONS = """
from asof import *

orders = Source(
    "orders",
    reader=Files("*.csv"),
    schema={{"id": {id}, "name": String}},
    contract=Contract(new_columns="evolve"),
    known_since="2024-01-01",
)
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    (tmp_path / "asof.toml").write_text('name = "shop"\ndefinitions = "definitions.py"\n')
    (tmp_path / "definitions.py").write_text(dedent(DEFINITIONS.format(id="Int16")))
    return tmp_path


def run(folder: Path) -> tuple[TableVersion, Statistics]:
    """The raw table after a run, and the statistics of its rows taken all at once."""
    with Project.open(str(folder)) as project:
        project.apply()
        project.run()
        rows = project.workspace.read("raw/orders").drop_columns(["_sequence"])
        return project.workspace.current("raw/orders"), statistics(rows)


def kept(version: TableVersion) -> Statistics:
    return from_json(version.details["statistics"])


def test_appended_rows_and_new_columns_are_counted_in(shop: Path) -> None:
    (shop / "a.csv").write_text("id,name\n1,mug\nx,pan\n2,\n")
    first, found = run(shop)
    assert kept(first) == found
    (shop / "b.csv").write_text("id,name,colour\n3,mug,red\n4,pot,\n")
    second, found = run(shop)
    assert kept(second) == found
    assert (found["colour"].values, found["colour"].nulls) == (1, 3)


def test_a_source_without_rows_has_them_too(shop: Path) -> None:
    (shop / "a.csv").write_text("id,name\n")
    empty, found = run(shop)
    assert kept(empty) == found
    (shop / "b.csv").write_text("id,name\n3,mug\n")
    filled, found = run(shop)
    assert kept(filled) == found


def test_many_commits_give_what_one_does(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(4):
        (shop / f"{number}.csv").write_text(f"id,name\n{number},mug\n{number + 1},\n")
    monkeypatch.setattr(asof.steps.ingest, "ROWS_PER_COMMIT", 3)
    version, found = run(shop)
    assert kept(version) == found


def test_replayed_rows_are_counted_in(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (shop / "a.csv").write_text("id,name,colour\n1,mug,red\n70000,pan,\n")
    run(shop)
    (shop / "definitions.py").write_text(dedent(DEFINITIONS.format(id="Int32")))
    monkeypatch.setattr(Files, "rereadable", False)
    version, found = run(shop)
    assert (version.rows, kept(version)) == (2, found)
