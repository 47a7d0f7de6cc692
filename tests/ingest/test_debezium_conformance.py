"""Change streams do what every connector must do, from files and from topics."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.ingest.kafka_cluster import new_topic, send
from tests.ingest.test_debezium import event

from asof.features.readers import Debezium, Files, Kafka
from asof.features.types import Bool, Timestamp
from asof.testing import ConnectorTests

Rows = Sequence[dict[str, Any]]
SPOILT = event("c", None, {"id": "word"})


def changes(reader: Files | Kafka) -> Debezium:
    return Debezium(reader, known_at="changed_at", deleted="deleted", decimals="text")


def inserts(rows: Rows) -> list[str]:
    """The events of rows that are new, as in a stream without schemas."""
    return [event("c", None, json.loads(json.dumps(row, default=str))) for row in rows]


class EventFiles:
    """Files of events in a folder; what is added goes to a new one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def reader(self) -> Debezium:
        return changes(Files(str(self.folder / "*.jsonl")))

    def add(self, rows: Rows) -> None:
        self._write(inserts(rows))

    def spoil(self) -> bool:
        self._write([SPOILT])
        return True

    def _write(self, events: list[str]) -> None:
        number = len(list(self.folder.glob("*.jsonl")))
        (self.folder / f"{number:03d}.jsonl").write_text("".join(f"{event}\n" for event in events))


class EventTopic:
    """A topic of events."""

    def __init__(self, brokers: str) -> None:
        self.brokers, self.topic = brokers, new_topic()

    @property
    def reader(self) -> Debezium:
        return changes(Kafka(self.brokers, topic=self.topic))

    def add(self, rows: Rows) -> None:
        send(self.brokers, self.topic, [(None, event, 0) for event in inserts(rows)])

    def spoil(self) -> bool:
        send(self.brokers, self.topic, [(None, SPOILT, 0)])
        return True


class ChangeTests(ConnectorTests):
    added = {"changed_at": Timestamp, "deleted": Bool}  # noqa: RUF012 as the suite has it


class TestEventFiles(ChangeTests):
    @pytest.fixture
    def outside(self, tmp_path: Path) -> EventFiles:
        return EventFiles(tmp_path)


class TestEventTopic(ChangeTests):
    @pytest.fixture
    def outside(self, brokers: str) -> EventTopic:
        return EventTopic(brokers)
