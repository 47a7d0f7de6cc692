"""Change streams from topics: tombstones, what messages tell beside the event, events in Avro."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from tests.ingest.kafka_cluster import Message, new_topic, send
from tests.ingest.schema_registry import schema_registry
from tests.ingest.test_debezium import AT, JAR, MUG, TIME, event
from tests.ingest.test_kafka_avro import written

from asof.features import types
from asof.features.readers import Debezium, Kafka
from asof.features.source import Source
from asof.features.types import DType
from asof.ingest.batch import Batch
from asof.ingest.connector import open_connector
from asof.ingest.place import Place


def read(
    brokers: str, messages: list[Message], columns: dict[str, DType | str], **reader: Any
) -> list[Batch]:
    topic = new_topic()
    send(brokers, topic, messages)
    changes = Debezium(Kafka(brokers, topic=topic, **reader), known_at="changed_at", deleted="deleted")
    source = Source(
        "orders",
        reader=changes,
        schema=columns | {"changed_at": types.Timestamp, "deleted": types.Bool},
        known_since="2020-01-01",
        created="changed_at",
        identity=["id"],
        retracted="deleted",
    )
    connector = open_connector(source, Place("."))
    batches = list(connector.batches(None))
    assert connector.pending(batches[-1].cursor) == []
    return batches


def test_tombstones_are_no_rows_and_are_read_past(brokers: str) -> None:
    messages: list[Message] = [("1", event("c", None, MUG), 0), ("1", event("d", MUG), 0), ("1", None, 0)]
    [batch] = read(brokers, messages, {"id": types.Int64})
    assert batch.rows["deleted"].to_pylist() == [False, True]
    assert (batch.rejected.num_rows, batch.rows_read) == (0, 2)
    assert batch.cursor is not None
    assert batch.cursor["offsets"]["0"] == 3


def test_columns_that_messages_tell(brokers: str) -> None:
    messages: list[Message] = [
        ("a", event("c", None, MUG), 0),
        ("a", None, 0),
        ("b", event("t"), 0),
        ("c", event("u", MUG, JAR), 0),
    ]
    columns: dict[str, DType | str] = {"id": types.Int64, "k": types.String, "at": types.Int32}
    [batch] = read(brokers, messages, columns, key="k", offset="at")
    found = batch.rows.select(["id", "k", "at", "deleted"]).to_pylist()
    assert [tuple(row.values()) for row in found] == [
        (1, "a", 0, False),
        (1, "c", 3, True),
        (2, "c", 3, False),
    ]
    assert batch.rejected["line"].to_pylist() == [2]


ROW = {
    "type": "record",
    "name": "Value",
    "fields": [
        {"name": "id", "type": "long"},
        {
            "name": "total",
            "type": [
                "null",
                {
                    "type": "bytes",
                    "scale": 2,
                    "precision": 10,
                    "logicalType": "decimal",
                    "connect.name": "org.apache.kafka.connect.data.Decimal",
                },
            ],
            "default": None,
        },
        {"name": "at", "type": {"type": "long", "connect.name": "io.debezium.time.MicroTimestamp"}},
        {
            "name": "seen",
            "type": {
                "type": "long",
                "logicalType": "timestamp-millis",
                "connect.name": "org.apache.kafka.connect.data.Timestamp",
            },
        },
        {"name": "day", "type": {"type": "int", "connect.name": "io.debezium.time.Date"}},
        {"name": "raw", "type": "bytes"},
        {"name": "note", "type": {"type": "string", "connect.name": "io.debezium.data.Json"}},
    ],
}
ENVELOPE = {
    "type": "record",
    "name": "Envelope",
    "fields": [
        {"name": "before", "type": ["null", ROW], "default": None},
        {"name": "after", "type": ["null", "Value"], "default": None},
        {
            "name": "source",
            "type": {"type": "record", "name": "Source", "fields": [{"name": "ts_ms", "type": "long"}]},
        },
        {"name": "op", "type": "string"},
        {"name": "ts_ms", "type": ["null", "long"], "default": None},
    ],
}
COLUMNS: dict[str, DType | str] = {
    "id": types.Int64,
    "total": types.Decimal(10, 2),
    "at": types.Timestamp,
    "seen": types.Timestamp,
    "day": types.Date,
    "raw": types.Bytes,
    "note": types.String,
}


@pytest.mark.parametrize("by", ["schema", "registry"])
def test_events_in_avro(brokers: str, by: str) -> None:
    row = {
        "id": 1,
        "total": Decimal("-12.34"),
        "at": AT * 1000 + 7,
        "seen": datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC),
        "day": 19782,
        "raw": b"\xff\0",
        "note": '{"a":1}',
    }
    gone = row | {"total": None}
    id = None if by == "schema" else 5
    values = [
        written({"op": "c", "after": row, "source": {"ts_ms": AT}}, ENVELOPE, id),
        written({"op": "d", "before": gone, "source": {"ts_ms": AT}}, ENVELOPE, id),
        b"\0\0\0\0\5\xff",
    ]
    with schema_registry({"/schemas/ids/5": {"schema": json.dumps(ENVELOPE)}}) as registry:
        named = {"schema": json.dumps(ENVELOPE), "registry": f"http://{registry.host}"}
        messages: list[Message] = [(None, value, 0) for value in values]
        [batch] = read(brokers, messages, COLUMNS, format="avro", **{by: named[by]})
    known = {"changed_at": TIME, "deleted": False}
    expected = row | {"at": TIME.replace(microsecond=7), "day": date(2024, 2, 29)} | known
    assert batch.rows.to_pylist() == [expected, expected | {"total": None, "deleted": True}]
    assert batch.rejected["line"].to_pylist() == [2]
