"""A training set of then is built again from what it was built from, whatever has happened since."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

import asof
from asof.project import Project


def build(folder: Path) -> Any:
    with Project.open(str(folder)) as project:
        project.apply()
        project.run()
        return project.build_training_set("churn").version


def edit(folder: Path, old: str, new: str) -> None:
    path = folder / "definitions.py"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def files(folder: Path, table: str) -> list[Path]:
    return sorted((folder / "store" / table).glob("**/*.parquet"))


def test_versions_hold_after_more_data_came_in(shop: Path, march: str) -> None:
    first = build(shop)
    (shop / "data/orders-03.csv").write_text(march)
    edit(shop, "dedupe(", 'drop_where(col("amount") > 9), dedupe(')
    second = build(shop)
    edit(shop, 'drop_where(col("amount") > 9), ', "")
    third = build(shop)
    assert first.manifest["fingerprint"] != second.manifest["fingerprint"]
    with Project.open(str(shop)) as project:
        for version in (first, second, third):
            done = project.verify_training_set("churn", version.version)
            assert done.holds
            assert done.rebuilt.fingerprint == version.manifest["fingerprint"]
            assert done.rebuilt.rows == version.manifest["rows"]


@pytest.mark.parametrize("engine", ["dask"])
def test_another_engine_comes_to_the_same(
    engine: str, shop: Path, march: str, require: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    require("the extra 'dask'", find_spec("distributed"))
    from asof.transforms import buckets

    monkeypatch.setattr(buckets, "ROWS_PER_BUCKET", 3)
    old = build(shop)
    (shop / "data/orders-03.csv").write_text(march)
    build(shop)
    with Project.open(str(shop), engine=engine) as project:
        done = project.verify_training_set("churn", old.version)
    assert (done.engine, done.holds) == ("dask", True)


def test_a_tampered_file_is_found(shop: Path) -> None:
    build(shop)
    [file] = files(shop, "training_sets/churn")
    rows = pq.read_table(file)
    place = rows.column_names.index("spend__count_7d")
    pq.write_table(rows.set_column(place, "spend__count_7d", pc.add(rows["spend__count_7d"], 1)), file)
    with Project.open(str(shop)) as project:
        done = project.verify_training_set("churn")
    assert not done.holds
    assert done.rebuilt == done.recorded
    assert done.stored is not None
    assert done.stored.rows == done.recorded.rows
    assert done.stored.fingerprint != done.recorded.fingerprint


@pytest.mark.parametrize("damage", ["cut", "gone"])
def test_a_file_that_can_not_be_read_is_found(damage: str, shop: Path) -> None:
    build(shop)
    [file] = files(shop, "training_sets/churn")
    if damage == "cut":
        file.write_bytes(file.read_bytes()[:100])
    else:
        file.unlink()
    with Project.open(str(shop)) as project:
        done = project.verify_training_set("churn")
    assert not done.holds
    assert done.stored is None
    assert done.unreadable
    assert done.rebuilt == done.recorded


def test_a_tampered_table_that_it_was_built_from_is_found(shop: Path) -> None:
    build(shop)
    for file in files(shop, "views/person"):
        rows = pq.ParquetFile(file).read()
        place = rows.column_names.index("city")
        changed = pa.array(["Nowhere"] * rows.num_rows)
        pq.write_table(rows.set_column(place, rows.schema.field("city"), changed), file)
    with Project.open(str(shop)) as project:
        done = project.verify_training_set("churn")
    assert done.stored == done.recorded
    assert done.rebuilt != done.recorded


CHANGES = {
    "source": ("dedupe(", 'drop_where(col("amount") > 9), dedupe('),
    "label": ('horizon="14d"', 'horizon="21d"'),
    "view": ("        DaysSinceLast(),\n", ""),
    "view by name": ('features=["brand"]', 'features=[Last("brand", name="brand")]'),
    "training set": ('embargo="14d"', 'embargo="7d"'),
    "gone": ('churn = TrainingSet(\n    "churn",', 'loss = TrainingSet(\n    "loss",'),
}


@pytest.mark.parametrize("change", CHANGES)
def test_definitions_of_then_are_built_with_whatever_they_are_now(change: str, shop: Path) -> None:
    edit(shop, "enrich=[brands]", 'enrich=["brands"]')
    version = build(shop)
    assert "source/catalogue" in version.manifest["definitions"]
    edit(shop, *CHANGES[change])
    with Project.open(str(shop)) as project:
        project.apply(force=True)
        project.run()
        assert project.verify_training_set("churn").holds


def test_definitions_that_were_tampered_with_are_found(shop: Path) -> None:
    build(shop)
    edit(shop, 'horizon="14d"', 'horizon="21d"')
    with Project.open(str(shop)) as project:
        project.apply()
    with closing(sqlite3.connect(shop / "store/catalogue.db")) as catalogue, catalogue:
        swapped = """UPDATE asof_revisions SET definitions = replace(definitions, '"14d"', '"13d"')"""
        catalogue.execute(swapped)
    with Project.open(str(shop)) as project, pytest.raises(asof.DataError, match="tampered with"):
        project.verify_training_set("churn")


FUNCTION = """
def loud(rows):
    return rows.select(["city"]).rename_columns(["shouted"])


person = FeatureView(
    "person", entity=customer, source=people, features=["shouted"],
    transform=Transform(loud, outputs={"shouted": String}, inputs=["city"]),
)
"""
PLAIN = 'person = FeatureView("person", entity=customer, source=people, features=["city"])'


def test_a_function_that_has_changed_is_named(shop: Path) -> None:
    edit(shop, PLAIN, FUNCTION)
    build(shop)
    edit(shop, 'horizon="14d"', 'horizon="21d"')
    with Project.open(str(shop)) as project:
        assert project.verify_training_set("churn").holds
    edit(shop, 'rows.select(["city"])', 'rows.slice(0).select(["city"])')
    message = r"revision 1 can't be restored: function 'loud' of view/person is not in the code .*\ncheck out"
    with Project.open(str(shop)) as project, pytest.raises(asof.Conflict, match=message):
        project.verify_training_set("churn")


@pytest.mark.parametrize("what", ["files", "table"])
def test_a_table_version_that_is_gone_is_named(what: str, shop: Path) -> None:
    build(shop)
    for file in sorted((shop / "store/views/person").glob("**/*"), reverse=True):
        if file.is_file() and (what == "table" or file.suffix == ".parquet"):
            file.unlink()
    with Project.open(str(shop)) as project:
        number = project.training_set("churn").manifest["inputs"]["views/person"]
        with pytest.raises(asof.NotFound, match=rf"are gone: views/person@{number}\n"):
            project.verify_training_set("churn")
        assert project.read_training_set("churn").num_rows
