"""Iceberg tables as sources: snapshots, and what they can't give."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyiceberg.catalog import load_catalog

from asof.errors import DataError, DefinitionError, NotFound
from asof.features.readers import Iceberg
from asof.features.source import Source
from asof.ingest.connector import Batch, Connector, open_connector
from asof.ingest.place import Place

SCHEMA = pa.schema([("id", pa.int64()), ("note", pa.string())])


def properties(root: Path) -> dict[str, str]:
    return {
        "name": "made",
        "type": "sql",
        "uri": f"sqlite:///{root}/catalog.db",
        "warehouse": f"file://{root}/warehouse",
    }


@pytest.fixture
def table(tmp_path: Path) -> Any:
    catalog = load_catalog(**properties(tmp_path))
    catalog.create_namespace("shop")
    yield catalog.create_table("shop.orders", SCHEMA)
    catalog.close()


def connector(root: Path, name: str = "shop.orders", **schema: str) -> Connector:
    reader = Iceberg(name, catalog=properties(root))
    columns = schema or {"id": "int64", "note": "string"}
    source = Source("orders", reader=reader, schema=columns, known_since="2024-01-01")
    return open_connector(source, Place(str(root)))


def rows(*ids: int) -> pa.Table:
    return pa.table({"id": pa.array(ids, pa.int64()), "note": [f"n{id}" for id in ids]}, schema=SCHEMA)


def ids(batches: list[Batch]) -> list[int]:
    return sorted(id for batch in batches for id in batch.rows["id"].to_pylist())


def json_cursor(batch: Batch) -> Any:
    return json.loads(json.dumps(batch.cursor))


def test_an_empty_table_has_nothing_new(table: Any, tmp_path: Path) -> None:
    assert connector(tmp_path).pending(None) == []
    assert list(connector(tmp_path).batches(None)) == []


def test_each_run_takes_what_was_appended_since(table: Any, tmp_path: Path) -> None:
    table.append(rows(1, 2))
    table.append(rows(3))
    first = list(connector(tmp_path).batches(None))
    assert ids(first) == [1, 2, 3]
    cursor = json_cursor(first[-1])
    assert connector(tmp_path).pending(cursor) == []
    assert list(connector(tmp_path).batches(cursor)) == []
    table.append(rows(4))
    table.append(rows(5, 6))
    newest = table.current_snapshot().snapshot_id
    assert connector(tmp_path).pending(cursor) == [f"shop.orders@{newest}"]
    assert ids(list(connector(tmp_path).batches(cursor))) == [4, 5, 6]


def test_reading_goes_on_within_a_snapshot_that_another_has_followed(table: Any, tmp_path: Path) -> None:
    for id in range(3):
        table.append(rows(id))
    whole = list(connector(tmp_path).batches(None))
    assert len(whole) == 3
    for at in range(2):
        table.append(rows(100 + at))
        rest = list(connector(tmp_path).batches(json_cursor(whole[at])))
        assert ids([*whole[: at + 1], *rest]) == [0, 1, 2]


def test_changed_rows_are_an_error(table: Any, tmp_path: Path) -> None:
    table.append(rows(1, 2))
    cursor = json_cursor(list(connector(tmp_path).batches(None))[-1])
    table.delete("id = 1")
    with pytest.raises(DataError, match=r"changed or deleted rows \((overwrite|delete)\) that were read"):
        list(connector(tmp_path).batches(cursor))


def test_a_snapshot_that_is_gone_is_an_error(table: Any, tmp_path: Path) -> None:
    table.append(rows(1))
    with pytest.raises(DataError, match="snapshot 7, the last that was read, is gone"):
        list(connector(tmp_path).batches({"done": 7}))


def test_what_is_not_there_is_told(table: Any, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"source 'orders': the catalog has no table shop\.sales"):
        list(connector(tmp_path, "shop.sales").batches(None))
    table.append(rows(1))
    with pytest.raises(DataError, match=r"has no column 'notes'; did you mean 'note'\?"):
        list(connector(tmp_path, notes="string").batches(None))
    with pytest.raises(DefinitionError, match=r"give the table with its namespace, as 'shop\.orders'"):
        Iceberg("orders", catalog={})
