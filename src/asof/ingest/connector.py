"""Connectors bring what is new in the outside world, in batches of typed rows, each with a cursor."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from asof.features.source import Source
from asof.ingest.batch import Batch, Cursor
from asof.ingest.place import Place
from asof.storage.extensions import extension

__all__ = ["Batch", "Connector", "Cursor", "open_connector"]

GROUP = "asof.connectors"

_BUILT_IN = {
    "Debezium": "asof.ingest.debezium.connector:debezium_connector",
    "Delta": "asof.ingest.lakehouse.delta:DeltaConnector",
    "Dlt": "asof.ingest.dlt:DltConnector",
    "Files": "asof.ingest.files.connector:FileConnector",
    "Iceberg": "asof.ingest.lakehouse.iceberg:IcebergConnector",
    "Kafka": "asof.ingest.kafka.connector:kafka_connector",
    "Push": "asof.ingest.push:PushConnector",
    "Python": "asof.ingest.python:PythonConnector",
    "Sql": "asof.ingest.sql.connector:SqlConnector",
}


class Connector(Protocol):
    """What reads one source.

    `cursor` is that of the last batch that was committed, None at the start. Both methods raise
    DataError for data that can't be read at all, NotFound where there is nothing to read from.
    """

    def pending(self, cursor: Mapping[str, Any] | None) -> list[str]:
        """The names of what is new since the cursor, as files, in the order of reading."""
        ...

    def batches(self, cursor: Mapping[str, Any] | None) -> Iterator[Batch]:
        """What is new since the cursor and no later than now, in order; it ends.

        A batch holds no more than about `Place.memory`, and is final once committed with its cursor:
        reading again from there gives the rows after it, each once.
        """
        ...


def open_connector(source: Source, place: Place) -> Connector:
    """The connector for a source's reader, one of ours or an entry point of the group `asof.connectors`."""
    reader = type(source.reader).__name__
    factory = extension(reader, _BUILT_IN, GROUP, f"no connector reads {reader}")
    connector: Connector = factory(source, place)
    return connector
