"""Versions of a table whose rows change: each is compared as a whole with what was taken of those before."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from asof.features.readers.snapshot import Snapshot
from asof.features.source import Source
from asof.ingest.batch import Batch
from asof.ingest.place import Place
from asof.ingest.schema.contract import ignored
from asof.ingest.snapshots.reading import SnapshotReading


@dataclass(frozen=True)
class Version:
    """A version of a table, with the time that it was committed at, in milliseconds since 1970."""

    number: int
    milliseconds: int


def last_compared(cursor: Mapping[str, Any] | None) -> int | None:
    """The version that was compared last."""
    return cursor.get("done") if cursor else None


def compared(
    version: Version,
    tables: Iterable[pa.Table],
    columns: list[str],
    source: Source,
    snapshot: Snapshot,
    place: Place,
    cursor: Mapping[str, Any] | None,
) -> Iterator[Batch]:
    """What a version, as `tables` with `columns`, has otherwise than was taken before.

    The last batch says that the version is done; where nothing is otherwise, it has no rows.
    """
    moment = datetime.fromtimestamp(version.milliseconds / 1000, UTC)
    origin = f"{source.reader.where}@{version.number}"
    reading = SnapshotReading(source, snapshot, place, cursor, origin, moment)
    held: Batch | None = None
    for batch in reading.batches(tables):
        if held is not None:
            yield _up_to(last_compared(cursor), held)
        held = batch
    last = held if held is not None else reading.nothing()
    yield replace(_up_to(version.number, last), ignored=ignored(columns, source))


def _up_to(done: int | None, batch: Batch) -> Batch:
    return replace(batch, cursor={**(batch.cursor or {}), "done": done})
