"""Delta tables as sources: versions, change data, and what they can't give."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from asof.errors import DataError, DefinitionError, NotFound
from asof.features.readers import Delta
from asof.features.source import Source
from asof.ingest.connector import Batch, Connector, open_connector
from asof.ingest.place import Place

SCHEMA = {"id": "int64", "note": "string"}
FEED = {"seen_at": "timestamp", "deleted": "bool"}


def connector(root: Path, **reader: Any) -> Connector:
    schema = SCHEMA | (FEED if "known_at" in reader else {})
    source = Source("orders", reader=Delta("orders", **reader), schema=schema, known_since="2024-01-01")
    return open_connector(source, Place(str(root)))


def rows(*ids: int) -> pa.Table:
    return pa.table({"id": pa.array(ids, pa.int64()), "note": [f"n{id}" for id in ids]})


def write(root: Path, *ids: int, **options: Any) -> None:
    write_deltalake(str(root / "orders"), rows(*ids), mode="append", **options)


def ids(batches: list[Batch]) -> list[int]:
    return sorted(id for batch in batches for id in batch.rows["id"].to_pylist())


def json_cursor(batches: list[Batch]) -> Any:
    return json.loads(json.dumps(batches[-1].cursor))


def test_each_run_takes_what_was_added_since(tmp_path: Path) -> None:
    write(tmp_path, 1, 2)
    write(tmp_path, 3)
    first = list(connector(tmp_path).batches(None))
    assert ids(first) == [1, 2, 3]
    assert list(connector(tmp_path).batches(json_cursor(first))) == []
    assert connector(tmp_path).pending(json_cursor(first)) == []
    write(tmp_path, 4)
    write(tmp_path, 5, 6)
    assert connector(tmp_path).pending(json_cursor(first)) == ["orders@3"]
    second = list(connector(tmp_path).batches(json_cursor(first)))
    assert ids(second) == [4, 5, 6]
    assert list(connector(tmp_path).batches(json_cursor(second))) == []


def test_a_partitioned_table_gives_its_partition_columns(tmp_path: Path) -> None:
    write(tmp_path, 1, 2, partition_by=["note"])
    (*_, last) = batches = list(connector(tmp_path).batches(None))
    assert ids(batches) == [1, 2]
    assert {row["note"] for batch in batches for row in batch.rows.to_pylist()} == {"n1", "n2"}
    assert last.cursor is not None


def test_reading_goes_on_within_a_version_that_another_has_followed(tmp_path: Path) -> None:
    for id in range(4):
        write(tmp_path, id)
    whole = list(connector(tmp_path).batches(None))
    assert len(whole) == 4
    for at in range(3):
        write(tmp_path, 100 + at)
        cursor = json.loads(json.dumps(whole[at].cursor))
        rest = list(connector(tmp_path).batches(cursor))
        assert ids([*whole[: at + 1], *rest]) == [0, 1, 2, 3]
        assert json_cursor(rest) == json_cursor(whole)


def test_compaction_between_runs_adds_nothing(tmp_path: Path) -> None:
    write(tmp_path, 1)
    write(tmp_path, 2)
    first = list(connector(tmp_path).batches(None))
    DeltaTable(str(tmp_path / "orders")).optimize.compact()
    second = list(connector(tmp_path).batches(json_cursor(first)))
    assert ids(second) == []
    write(tmp_path, 3)
    assert ids(list(connector(tmp_path).batches(json_cursor(second)))) == [3]


def test_rows_compacted_before_they_were_read_are_an_error_and_none_is_lost(tmp_path: Path) -> None:
    write(tmp_path, 1)
    first = list(connector(tmp_path).batches(None))
    write(tmp_path, 2)
    DeltaTable(str(tmp_path / "orders")).optimize.compact()
    with pytest.raises(DataError, match="compacted into files with old ones before they were read"):
        list(connector(tmp_path).batches(json_cursor(first)))


def test_changed_rows_need_the_change_data_feed(tmp_path: Path) -> None:
    write(tmp_path, 1, 2)
    first = list(connector(tmp_path).batches(None))
    DeltaTable(str(tmp_path / "orders")).delete("id = 1")
    with pytest.raises(DataError, match="version 1 changed or deleted rows; have all of it compared"):
        list(connector(tmp_path).batches(json_cursor(first)))


def test_the_change_data_feed_says_what_was_known_when(tmp_path: Path) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    write(tmp_path, 1, 2, configuration={"delta.enableChangeDataFeed": "true"})
    table = DeltaTable(str(tmp_path / "orders"))
    table.update(updates={"note": "'new'"}, predicate="id = 1")
    reader = {"known_at": "seen_at", "deleted": "deleted"}
    first = list(connector(tmp_path, **reader).batches(None))
    table.delete("id = 2")
    second = list(connector(tmp_path, **reader).batches(json_cursor(first)))
    told = [row for batch in [*first, *second] for row in batch.rows.to_pylist()]
    assert [(row["id"], row["note"], row["deleted"]) for row in told] == [
        (1, "n1", False),
        (2, "n2", False),
        (1, "new", False),
        (2, "n2", True),
    ]
    times = [row["seen_at"] for row in told]
    assert times == sorted(times)
    assert before <= times[0] <= datetime.now(UTC)


def test_what_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="source 'orders': no Delta table at orders"):
        list(connector(tmp_path).batches(None))
    write_deltalake(str(tmp_path / "orders"), pa.table({"id": [1], "notes": ["a"]}))
    with pytest.raises(DataError, match=r"orders@0: has no column 'note'; did you mean 'notes'\?"):
        list(connector(tmp_path).batches(None))
    with pytest.raises(DefinitionError, match="known_at and deleted belong together"):
        Delta("orders", known_at="seen_at")
    with pytest.raises(NotFound, match="the environment has no NO_SUCH_KEY"):
        connector(tmp_path, options={"key": "${NO_SUCH_KEY}"})


def test_a_value_that_does_not_fit_is_rejected_with_its_row_number(tmp_path: Path) -> None:
    write_deltalake(str(tmp_path / "orders"), pa.table({"id": [1.0, 2.5], "note": ["a", "b"]}))
    (batch,) = connector(tmp_path).batches(None)
    assert batch.rows["id"].to_pylist() == [1]
    (rejected,) = batch.rejected.to_pylist()
    assert (rejected["origin"], rejected["line"], rejected["column"]) == ("orders@0", 2, "id")
