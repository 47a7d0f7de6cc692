"""Rows of change events: each revision of a fact since it was known, and each time that one is taken back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from asof.features.readers.debezium import Debezium
from asof.features.source import Source
from asof.features.types import Bytes, String
from asof.ingest.batch import Rejection
from asof.ingest.debezium.events import DecodeEvent, Event, known_at
from asof.ingest.debezium.types import PLAIN
from asof.ingest.debezium.values import value_of
from asof.ingest.files.delimited_records import shown
from asof.ingest.kafka.values import with_columns
from asof.ingest.schema.contract import kept
from asof.ingest.values.json import columns_of
from asof.storage.arrow_types import arrow_type

Row = dict[str, Any]


EVENT = '{"event":"debezium"}'
"""The layout of raw content that is a whole event."""


class Unreadable(ValueError):
    """An event that can't be taken since a column can't."""

    def __init__(self, column: str, reason: object) -> None:
        super().__init__(f"{column}: {reason}")
        self.column = column


@dataclass(frozen=True)
class Changes:
    """The rows of events, the place (from 0) of the event that each is of, and the events at fault."""

    rows: list[Row]
    places: list[int]
    malformed: list[Rejection]


def changes_of(
    numbers: Sequence[int], events: Sequence[bytes | None], decode: DecodeEvent, source: Source
) -> Changes:
    """The rows of events, whose lines or offsets are `numbers`.

    An event without content says nothing that the delete before it did not, and is no row.
    """
    found = Changes([], [], [])
    for place, (line, value) in enumerate(zip(numbers, events, strict=True)):
        try:
            event = None if value is None else decode(value)
            rows = [] if event is None else list(rows_of(event, source))
        except ValueError as error:
            column = error.column if isinstance(error, Unreadable) else None
            found.malformed.append(Rejection(line, shown(value or b""), str(error), column, EVENT))
            continue
        found.rows.extend(rows)
        found.places.extend([place] * len(rows))
    return found


def rows_of(event: Event, source: Source) -> Iterator[Row]:
    """What an event says: a revision, a retraction, or both where an update changed the identity.

    ValueError where it can't be said as rows.
    """
    envelope, before, after = event.envelope, event.envelope.before, event.envelope.after
    match envelope.op:
        case "c" | "r" | "u" if after is not None:
            if envelope.op == "u" and before is not None and _is_another(before, after, source):
                yield _row(event, before, source, deleted=True)
            yield _row(event, after, source, deleted=False)
        case "d" if before is not None:
            yield _row(event, before, source, deleted=True)
        case "t":
            raise ValueError("the table was truncated, which does not say the rows that it takes back")
        case "c" | "r" | "u" | "d" as op:
            missing = "before" if op == "d" else "after"
            raise ValueError(f"a change of kind {op!r} needs the row {missing} it, and that is not there")
        case op:
            raise ValueError(f"op {op!r} is not the change of a row")


def _is_another(before: Row, after: Row, source: Source) -> bool:
    """Whether an update made another fact of the row, as far as the database told what it was before."""
    names = source.identity
    return all(before.get(name) is not None for name in names) and any(
        before[name] != after.get(name) for name in names
    )


def _row(event: Event, image: Row, source: Source, *, deleted: bool) -> Row:
    assert isinstance(source.reader, Debezium)
    reader = source.reader
    row = {
        name: _value(event, image[name], name, source) for name in kept(list(image), source) if name in image
    }
    if deleted:
        _check_identity(row, source)
    time = known_at(event.envelope, reader.clock)
    return row | {reader.known_at: time, reader.deleted: deleted}


def _value(event: Event, value: object, name: str, source: Source) -> object:
    assert isinstance(source.reader, Debezium)
    written = None if event.written is None else event.written.get(name, PLAIN)
    try:
        return value_of(value, written, name, source.schema.get(name, String), source.reader)
    except ValueError as error:
        raise Unreadable(name, error) from None


def _check_identity(row: Row, source: Source) -> None:
    for name in source.identity:
        if row.get(name) is None:
            raise Unreadable(
                name, "a delete that does not say whose; give the table in the database REPLICA IDENTITY FULL"
            )


def table_of(changes: Changes, source: Source) -> pa.Table:
    """The rows as columns, most of them as text."""
    assert isinstance(source.reader, Debezium)
    reader, rows = source.reader, changes.rows
    columns = {
        name: pa.array([row.get(name) for row in rows], pa.binary())
        for name, dtype in source.schema.items()
        if dtype == Bytes
    }
    times = pa.array([row[reader.known_at] for row in rows], pa.timestamp("ns", "UTC"))
    columns[reader.known_at] = times.cast(arrow_type(source.schema[reader.known_at].name), safe=False)
    columns[reader.deleted] = pa.array([row[reader.deleted] for row in rows], pa.bool_())
    return with_columns(columns_of(rows, source), columns)
