"""Rows that were pushed, and wait in the catalogue."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa

from asof.errors import DataError
from asof.features.source import Source
from asof.ingest.batch import Batch, rejected_table
from asof.ingest.files import json_lines
from asof.ingest.place import Place
from asof.ingest.records.arrow import typed
from asof.ingest.records.parsed import Parsed
from asof.storage.catalogue.pushes import Push


class PushConnector:
    """What was pushed to a source, a batch for each push. The cursor holds the last one's number.

    Rows are let go of when reading goes on after the commit that took them in.
    """

    def __init__(self, source: Source, place: Place) -> None:
        if place.inbox is None:
            raise DataError(f"source {source.name!r}: rows can be pushed only to a project with a catalogue")
        self._source = source
        self._inbox = place.inbox

    def pending(self, cursor: Mapping[str, Any] | None) -> list[str]:
        """The pushes that wait."""
        return [_origin(number) for number in self._waiting(_last(cursor))]

    def batches(self, cursor: Mapping[str, Any] | None) -> Iterator[Batch]:
        """The pushes that wait now, in their order."""
        last = _last(cursor)
        self._inbox.forget_pushed(self._source.name, last)
        for number in self._waiting(last):
            found = self._parsed(self._inbox.pushed(self._source.name, number))
            rejected = rejected_table(found.rejections, _origin(number))
            read = found.rows.num_rows + rejected.num_rows
            yield Batch(found.rows, rejected, {"number": number}, _origin(number), read, found.ignored)

    def _waiting(self, last: int) -> list[int]:
        return self._inbox.pushes_waiting(self._source.name, last)

    def _parsed(self, push: Push) -> Parsed:
        if push.format == "json":
            return json_lines.read(push.rows, self._source)
        with pa.ipc.open_stream(push.rows) as stream:
            return typed(stream.read_all(), self._source)


def _last(cursor: Mapping[str, Any] | None) -> int:
    return cursor["number"] if cursor else 0


def _origin(number: int) -> str:
    return f"push/{number}"
