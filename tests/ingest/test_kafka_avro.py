"""Kafka topics of Avro records, by a schema that is given or by those of a registry."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import UUID

import fastavro
import pytest
from tests.ingest.kafka_cluster import new_topic, send
from tests.ingest.schema_registry import schema_registry

from asof.errors import DataError, NotFound
from asof.features import types
from asof.features.readers import Kafka
from asof.features.source import Source
from asof.features.types import DType
from asof.ingest.batch import Batch
from asof.ingest.connector import open_connector
from asof.ingest.place import Place

ORDER: dict[str, Any] = {
    "type": "record",
    "name": "Order",
    "fields": [{"name": "id", "type": "long"}, {"name": "name", "type": ["null", "string"], "default": None}],
}
COLUMNS: dict[str, DType | str] = {"id": types.Int64, "name": types.String}


def written(record: Mapping[str, Any], schema: Any = ORDER, id: int | None = None) -> bytes:
    """A record as Avro, behind the id of its schema if there is one."""
    out = BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(schema), dict(record))
    return (b"" if id is None else b"\0" + id.to_bytes(4)) + out.getvalue()


def read(
    brokers: str,
    values: Sequence[bytes],
    columns: dict[str, DType | str] = COLUMNS,
    root: str = ".",
    **reader: Any,
) -> Batch:
    """What is read of a topic that has these values."""
    topic = new_topic()
    send(brokers, topic, [(None, value, 0) for value in values])
    defined = Kafka(brokers, topic=topic, format="avro", **reader)
    source = Source("orders", reader=defined, schema=columns, known_since="2020-01-01")
    [batch] = open_connector(source, Place(root)).batches(None)
    return batch


ROWS = [{"id": 1, "name": "mug"}, {"id": 2, "name": None}]


def test_by_a_schema_that_is_given(brokers: str) -> None:
    batch = read(brokers, [written(row) for row in ROWS], schema=json.dumps(ORDER))
    assert batch.rows.to_pylist() == ROWS


def test_by_a_schema_of_the_project(brokers: str, tmp_path: Path) -> None:
    (tmp_path / "order.avsc").write_text(json.dumps(ORDER))
    batch = read(brokers, [written(row) for row in ROWS], root=str(tmp_path), schema="order.avsc")
    assert batch.rows.to_pylist() == ROWS
    with pytest.raises(NotFound, match=r"'orders': the Avro schema .*other\.avsc can't be read"):
        read(brokers, [written(ROWS[0])], root=str(tmp_path), schema="other.avsc")


def test_by_the_schemas_of_a_registry(brokers: str) -> None:
    later = ORDER | {"fields": [*ORDER["fields"], {"name": "country", "type": "string"}]}
    answers = {
        "/schemas/ids/7": {"schema": json.dumps(ORDER)},
        "/schemas/ids/300": {"schema": json.dumps(later), "schemaType": "AVRO"},
    }
    values = [written(ROWS[0], id=7), written({**ROWS[1], "country": "FR"}, later, id=300)]
    with schema_registry(answers) as registry:
        columns = COLUMNS | {"country": types.String}
        batch = read(brokers, [*values, *values], columns, registry=f"http://{registry.host}")
    rows = [ROWS[0] | {"country": None}, ROWS[1] | {"country": "FR"}]
    assert batch.rows.to_pylist() == rows * 2
    assert registry.asked == ["/schemas/ids/7", "/schemas/ids/300"]


def test_a_schema_that_refers_to_another(brokers: str) -> None:
    money = {"type": "record", "name": "Money", "fields": [{"name": "cents", "type": "long"}]}
    order = {"type": "record", "name": "Order", "fields": [{"name": "paid", "type": "Money"}]}
    whole = order | {"fields": [{"name": "paid", "type": money}]}
    answers = {
        "/schemas/ids/1": {
            "schema": json.dumps(order),
            "references": [{"name": "Money", "subject": "shop/money", "version": 3}],
        },
        "/subjects/shop%2Fmoney/versions/3": {"schema": json.dumps(money)},
    }
    with schema_registry(answers) as registry:
        values = [written({"paid": {"cents": 150}}, whole, id=1)]
        batch = read(brokers, values, {"paid": types.String}, registry=f"http://{registry.host}/")
    assert batch.rows.to_pylist() == [{"paid": '{"cents":150}'}]


def test_a_registry_that_asks_for_a_login(brokers: str, monkeypatch: pytest.MonkeyPatch) -> None:
    values = [written(ROWS[0], id=7)]
    with schema_registry({"/schemas/ids/7": {"schema": json.dumps(ORDER)}}, locked=True) as registry:
        with pytest.raises(NotFound, match=rf"registry http://{registry.host} answers 401"):
            read(brokers, values, registry=f"http://{'user:wrong'}@{registry.host}")
        monkeypatch.setenv("REGISTRY_LOGIN", "user:secret")
        address = f"http://{'${REGISTRY_LOGIN}'}@{registry.host}"
        assert read(brokers, values, registry=address).rows.to_pylist() == ROWS[:1]


def test_a_registry_that_is_not_there_ends_the_run(brokers: str) -> None:
    with schema_registry({}) as registry:
        gone = registry.host
    with pytest.raises(NotFound, match=rf"'orders': the schema registry http://{gone} does not answer"):
        read(brokers, [written(ROWS[0], id=7)], registry=f"http://{gone}")


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"", "does not begin with a zero byte and the id of a schema"),
        (b"\1\0\0\0\7\2\0", "does not begin with a zero byte"),
        (b"\0\0\0\0\x08\2\0", "was written with schema 8, which the registry does not have"),
        (b"\0\0\0\0\7", "is not Avro of the schema: "),
        (written(ROWS[0], id=7) + b"more", "is not Avro of the schema: 4 bytes are left over"),
        (b"\0\0\0\0\7\2\2\4\xff\xff", "is not Avro of the schema: "),
        (b"\0\0\0\0\x09\2\0", "was written with schema 9, which is none: "),
        (None, "has no value: a tombstone"),
    ],
)
def test_a_bad_message_is_rejected(brokers: str, value: bytes, reason: str) -> None:
    values = [written(ROWS[0], id=7), value, written(ROWS[1], id=7)]
    answers = {
        "/schemas/ids/7": {"schema": json.dumps(ORDER)},
        "/schemas/ids/9": {"schema": "message Order {}"},
    }
    with schema_registry(answers) as registry:
        batch = read(brokers, values, registry=f"http://{registry.host}")
    assert (batch.rows.to_pylist(), batch.rows_read) == (ROWS, 3)
    [rejected] = batch.rejected.to_pylist()
    assert rejected["reason"].startswith(reason)
    assert rejected["line"] == 1


def test_a_value_that_its_column_can_not_take(brokers: str) -> None:
    values = [written({"id": 1, "name": "12"}), written({"id": 2, "name": "mug"})]
    batch = read(brokers, values, {"id": types.Int64, "name": types.Int8}, schema=json.dumps(ORDER))
    assert batch.rows.to_pylist() == [{"id": 1, "name": 12}]
    [rejected] = batch.rejected.to_pylist()
    assert (rejected["raw"], rejected["reason"]) == ('{"id":2,"name":"mug"}', "name: 'mug' is not an int8")


@pytest.mark.parametrize(
    ("avro", "given", "dtype", "value"),
    [
        ("int", 7, types.Int64, 7),
        ("double", 0.1, types.Float64, 0.1),
        ("boolean", True, types.Bool, True),
        ("bytes", b"\xff\0", types.Bytes, b"\xff\0"),
        ({"type": "int", "logicalType": "date"}, date(2024, 2, 29), types.Date, date(2024, 2, 29)),
        (
            {"type": "long", "logicalType": "timestamp-micros"},
            datetime(2024, 1, 2, 3, 4, 5, 678901, UTC),
            types.Timestamp,
            datetime(2024, 1, 2, 3, 4, 5, 678901, UTC),
        ),
        (
            {"type": "bytes", "logicalType": "decimal", "precision": 20, "scale": 2},
            Decimal("-12345678901234567.89"),
            types.Decimal(20, 2),
            Decimal("-12345678901234567.89"),
        ),
        (
            {"type": "string", "logicalType": "uuid"},
            UUID("12345678-1234-5678-1234-567812345678"),
            types.String,
            "12345678-1234-5678-1234-567812345678",
        ),
        ({"type": "array", "items": "int"}, [1, 2], types.String, "[1,2]"),
        ({"type": "enum", "name": "Size", "symbols": ["S", "L"]}, "L", types.String, "L"),
        (["null", "int", "string"], None, types.String, None),
    ],
)
def test_values(brokers: str, avro: Any, given: object, dtype: DType, value: object) -> None:
    schema = {"type": "record", "name": "Row", "fields": [{"name": "v", "type": avro}]}
    batch = read(brokers, [written({"v": given}, schema)], {"v": dtype}, schema=json.dumps(schema))
    assert batch.rows["v"].to_pylist() == [value]


@pytest.mark.parametrize("schema", ["{", '{"type": "recrd"}', '{"type": "record"}'])
def test_a_schema_that_is_none(brokers: str, schema: str) -> None:
    with pytest.raises(DataError, match="'orders': the Avro schema is none: "):
        read(brokers, [b""], schema=schema)
