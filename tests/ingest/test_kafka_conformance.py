"""Kafka topics do what every connector must do."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from tests.ingest.kafka_cluster import new_topic, send
from tests.ingest.test_kafka_avro import written

from asof.features.readers import Kafka
from asof.testing import ConnectorTests

ROW = {
    "type": "record",
    "name": "Row",
    "fields": [
        {"name": "id", "type": "long"},
        {"name": "name", "type": ["null", "string"]},
        {
            "name": "amount",
            "type": ["null", {"type": "bytes", "logicalType": "decimal", "precision": 10, "scale": 2}],
        },
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-micros"}},
    ],
}


class JsonTopic:
    """A topic of JSON objects."""

    def __init__(self, brokers: str) -> None:
        self.brokers, self.topic = brokers, new_topic()

    @property
    def reader(self) -> Kafka:
        return Kafka(self.brokers, topic=self.topic)

    def write(self, row: dict[str, Any]) -> bytes:
        return json.dumps(row, default=str).encode()

    def add(self, rows: Sequence[dict[str, Any]]) -> None:
        send(self.brokers, self.topic, [(None, self.write(row), 0) for row in rows])

    def spoil(self) -> bool:
        send(self.brokers, self.topic, [(None, '{"id": "word"}', 0)])
        return True


class AvroTopic(JsonTopic):
    """A topic of Avro records."""

    @property
    def reader(self) -> Kafka:
        return Kafka(self.brokers, topic=self.topic, format="avro", schema=json.dumps(ROW))

    def write(self, row: dict[str, Any]) -> bytes:
        return written(row, ROW)


class TestJsonTopic(ConnectorTests):
    @pytest.fixture
    def outside(self, brokers: str) -> JsonTopic:
        return JsonTopic(brokers)


class TestAvroTopic(ConnectorTests):
    @pytest.fixture
    def outside(self, brokers: str) -> AvroTopic:
        return AvroTopic(brokers)
