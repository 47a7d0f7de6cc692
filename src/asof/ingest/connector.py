"""Connectors bring what is new in the outside world, in batches of typed rows, each with a cursor."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from asof.features.source import Source
from asof.ingest.batch import Batch, Cursor
from asof.ingest.files import FileConnector

__all__ = ["Batch", "Connector", "Cursor", "open_connector"]


class Connector(Protocol):
    """What reads one source.

    `cursor` is that of the last batch that was committed, None at the start. Both methods raise
    DataError for data that can't be read at all, NotFound where there is nothing to read from.
    """

    def pending(self, cursor: Mapping[str, Any] | None) -> list[str]:
        """The names of what is new since the cursor, as files, in the order of reading."""
        ...

    def batches(self, cursor: Mapping[str, Any] | None) -> Iterator[Batch]:
        """What is new since the cursor, in order; a batch is whole, and final once committed."""
        ...


def open_connector(source: Source, *, root: str) -> Connector:
    """The connector for a source's reader; `root` is the folder that its relative paths start from."""
    return FileConnector(source, root)
