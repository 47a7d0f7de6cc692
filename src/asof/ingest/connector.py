"""Connectors bring what is new in the outside world, in batches of typed rows, each with a cursor."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any, Protocol

from asof.errors import NotFound, choices
from asof.features.source import Source
from asof.ingest.batch import Batch, Cursor
from asof.ingest.place import Place

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
    return _factory(type(source.reader).__name__)(source, place)


def _factory(reader: str) -> Callable[[Source, Place], Connector]:
    if reader in _BUILT_IN:
        module, name = _BUILT_IN[reader].split(":")
        factory: Callable[[Source, Place], Connector] = getattr(import_module(module), name)
        return factory
    found = entry_points(group=GROUP)
    for entry in found.select(name=reader):
        loaded: Callable[[Source, Place], Connector] = entry.load()
        return loaded
    known = choices(reader, [*_BUILT_IN, *found.names])
    raise NotFound(f"no connector reads {reader}; {known}; or install the package that brings it")
