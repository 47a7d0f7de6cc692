"""Delta and Iceberg tables whose rows change, without a feed: each version compared with what was taken."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyiceberg.catalog import load_catalog
from tests.ingest.sql_world import Taking

import asof
from asof.errors import DataError, DefinitionError
from asof.features.readers import Delta, Iceberg, Reader, Snapshot
from asof.features.source import Source
from asof.features.types import Bool, Int64, String, Timestamp

SNAPSHOT = Snapshot(key=["id"], known_at="seen_at", deleted="gone")
ARROW = pa.schema([("id", pa.int64()), ("city", pa.string())])


def rows(state: dict[int, str | None]) -> pa.Table:
    return pa.table({"id": list(state), "city": list(state.values())}, schema=ARROW)


class DeltaLake:
    """A Delta table."""

    def __init__(self, folder: Path) -> None:
        self.address = str(folder / "people")

    @property
    def reader(self) -> Reader:
        return Delta(self.address, snapshot=SNAPSHOT)

    def overwrite(self, state: dict[int, str | None]) -> None:
        write_deltalake(self.address, rows(state), mode="overwrite")

    def append(self, state: dict[int, str | None]) -> None:
        write_deltalake(self.address, rows(state), mode="append")

    def delete(self, condition: str) -> None:
        DeltaTable(self.address).delete(condition)

    def compact(self) -> None:
        DeltaTable(self.address).optimize.compact()


class IcebergLake:
    """An Iceberg table, in a catalog of its own."""

    def __init__(self, folder: Path) -> None:
        self.properties = {
            "name": "made",
            "type": "sql",
            "uri": f"sqlite:///{folder}/catalog.db",
            "warehouse": f"file://{folder}/warehouse",
        }
        self.catalog = load_catalog(**self.properties)
        self.catalog.create_namespace("shop")
        self.catalog.create_table("shop.people", ARROW)

    @property
    def table(self) -> Any:
        return self.catalog.load_table("shop.people")

    @property
    def reader(self) -> Reader:
        return Iceberg("shop.people", catalog=self.properties, snapshot=SNAPSHOT)

    def overwrite(self, state: dict[int, str | None]) -> None:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Delete operation did not match any records")
            self.table.overwrite(rows(state))

    def append(self, state: dict[int, str | None]) -> None:
        self.table.append(rows(state))

    def delete(self, condition: str) -> None:
        self.table.delete(condition)


Lake = DeltaLake | IcebergLake


def made(kind: str, folder: Path) -> Iterator[Lake]:
    if kind == "delta":
        yield DeltaLake(folder)
    else:
        lake = IcebergLake(folder)
        yield lake
        lake.catalog.close()


@pytest.fixture(params=["delta", "iceberg"])
def lake(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Lake]:
    yield from made(request.param, tmp_path)


def people(lake: Lake, memory: int = 64 << 20) -> Taking:
    source = Source(
        "people",
        reader=lake.reader,
        schema={"id": Int64, "city": String, "seen_at": Timestamp, "gone": Bool},
        event_time="seen_at",
        created="seen_at",
        identity=["id"],
        retracted="gone",
    )
    return Taking(source, memory)


def seen(taken: list[dict[str, Any]]) -> list[tuple[int, str | None, bool]]:
    return sorted((row["id"], row["city"], row["gone"]) for row in taken)


def test_only_what_changed_is_taken_in_known_from_its_version_on(lake: Lake) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    lake.overwrite({1: "Paris", 2: "Oslo", 3: "Rome"})
    committed = datetime.now(UTC)
    taking = people(lake)
    assert taking.pending()
    first = taking.run()
    assert seen(first) == [(1, "Paris", False), (2, "Oslo", False), (3, "Rome", False)]
    assert {before <= row["seen_at"] <= committed for row in first} == {True}
    assert not taking.pending()
    assert taking.run() == []
    lake.overwrite({1: "Nice", 3: "Rome"})
    lake.append({4: None})
    assert taking.pending()
    second = taking.run()
    assert seen(second) == [(1, "Nice", False), (2, "Oslo", True), (4, None, False)]
    assert {row["seen_at"] > first[0]["seen_at"] for row in second} == {True}
    lake.delete("id = 3")
    assert seen(taking.run()) == [(3, "Rome", True)]
    assert json.loads(json.dumps(taking.cursor)) == taking.cursor


def test_a_version_without_other_rows_is_looked_at_once(tmp_path: Path) -> None:
    lake = DeltaLake(tmp_path)
    lake.append({1: "Paris"})
    lake.append({2: "Oslo"})
    taking = people(lake)
    taking.run()
    lake.compact()
    assert taking.pending() == [f"{lake.address}@2"]
    found = list(taking.batches())
    assert [batch.rows_read for batch in found] == [0]
    taking.commit(found)
    assert taking.pending() == []


def test_a_run_that_is_killed_between_batches_goes_on(lake: Lake) -> None:
    lake.overwrite(dict.fromkeys(range(2000), "x" * 50))
    taking = people(lake, memory=10_000)
    assert taking.run(batches=2)
    assert 0 < len(taking.rows) < 2_000
    assert taking.pending()
    taking.run()
    assert sorted(row["id"] for row in taking.rows) == list(range(2_000))
    assert not taking.pending()


def test_a_row_that_can_not_be_taken_is_rejected_once(lake: Lake) -> None:
    lake.overwrite({1: "7", 2: "seven"})
    taking = people(lake)
    taking.source = Source(
        "people",
        reader=lake.reader,
        schema={"id": Int64, "city": Int64, "seen_at": Timestamp, "gone": Bool},
        event_time="seen_at",
    )
    assert [row["id"] for row in taking.run()] == [1]
    lake.append({3: "8"})
    assert [row["id"] for row in taking.run()] == [3]
    assert [row["column"] for row in taking.rejected] == ["city"]


def test_two_rows_of_one_key_are_an_error(lake: Lake) -> None:
    lake.overwrite({1: "Paris"})
    lake.append({1: "Oslo"})
    with pytest.raises(DataError, match=r"source 'people': .*people: two rows have id=1"):
        people(lake).run()


STATES = st.lists(
    st.dictionaries(st.integers(0, 5), st.sampled_from(["a", "b", None])), min_size=1, max_size=4
)


@settings(max_examples=10, suppress_health_check=list(HealthCheck))
@given(kind=st.sampled_from(["delta", "iceberg"]), states=STATES, memory=st.sampled_from([1, 10**6]))
def test_history_has_every_state(
    kind: str, states: list[dict[int, str | None]], memory: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The latest revision of each key after a reading is the table as it was then."""
    for lake in made(kind, tmp_path_factory.mktemp("lake")):
        taking = people(lake, memory)
        for state in states:
            lake.overwrite(state)
            taking.commit_each(taking.batches())
            latest = {row["id"]: row for row in taking.rows}
            assert {key: row["city"] for key, row in latest.items() if not row["gone"]} == state


DEFINITIONS = """
from asof import *

people = Source(
    "people",
    reader=Delta("people", snapshot=Snapshot(["id"], known_at="seen_at", deleted="gone")),
    schema={{"id": Int64, "city": String, "seen_at": Timestamp, "gone": Bool}},
    event_time="seen_at",
    created="seen_at",
    identity=["id"],
    retracted="gone",
    timezone="{timezone}",
)
"""


def test_what_was_taken_stays_when_the_definition_changes(tmp_path: Path) -> None:
    lake = DeltaLake(tmp_path)
    (tmp_path / "asof.toml").write_text('name = "shop"\ndefinitions = "definitions.py"\n')
    for state, timezone in (({1: "Paris", 2: "Oslo"}, "UTC"), ({1: "Nice"}, "Europe/Paris")):
        lake.overwrite(state)
        (tmp_path / "definitions.py").write_text(DEFINITIONS.format(timezone=timezone))
        with asof.open(str(tmp_path)) as project:
            project.apply()
            project.run()
            taken = project.workspace.read("raw/people").to_pylist()
    assert seen(taken) == [(1, "Nice", False), (1, "Paris", False), (2, "Oslo", False), (2, "Oslo", True)]


def test_wrong_definitions() -> None:
    with pytest.raises(DefinitionError, match="a Snapshot has its own known_at and deleted"):
        Delta("people", known_at="seen_at", deleted="gone", snapshot=SNAPSHOT)
    with pytest.raises(DefinitionError, match="snapshot must be"):
        Iceberg("shop.people", catalog={}, snapshot="daily")  # type: ignore[arg-type]
    for reader in (Delta("people", snapshot=SNAPSHOT), Iceberg("a.b", catalog={}, snapshot=SNAPSHOT)):
        with pytest.raises(DefinitionError, match="known_at 'seen_at' is not a column"):
            Source("people", reader=reader, schema={"id": Int64}, known_since="2024-01-01")
