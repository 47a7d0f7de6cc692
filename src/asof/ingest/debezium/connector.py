"""Change streams: the events that a topic or files bring, as rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

import pyarrow as pa

from asof.features.readers.debezium import Debezium
from asof.features.readers.kafka import Kafka
from asof.features.source import Source
from asof.ingest.connector import Connector
from asof.ingest.debezium.events import DecodeEvent, avro_event, json_event
from asof.ingest.debezium.rows import Changes, changes_of, table_of
from asof.ingest.files.connector import FileConnector
from asof.ingest.files.opened import Opened
from asof.ingest.files.pieces import Piece, Position
from asof.ingest.files.text_blocks import BOM, TextReader, blocks, cut_lines
from asof.ingest.kafka.connector import KafkaConnector
from asof.ingest.kafka.messages import Messages
from asof.ingest.kafka.values import avro_decoder, beside, with_columns
from asof.ingest.place import Place
from asof.ingest.records.parsed import Parsed, Records, parsed
from asof.storage.quarantine import JSON_ROW, json_rows


def debezium_connector(source: Source, place: Place) -> Connector:
    """The connector of what brings the events, which makes rows of them."""
    assert isinstance(source.reader, Debezium)
    reader = source.reader.reader
    if isinstance(reader, Kafka):
        decode = _decode_event(reader, place, f"source {source.name!r}")
        return KafkaConnector(source.name, reader, place, partial(_of_messages, source, reader, decode))
    files: Source = replace(source, reader=reader)  # type: ignore[type-var]
    return FileConnector(files, place, partial(_pieces, source))


def _decode_event(reader: Kafka, place: Place, owner: str) -> DecodeEvent:
    return avro_event(avro_decoder(reader, place.root, owner)) if reader.format == "avro" else json_event


def _of_messages(source: Source, reader: Kafka, decode: DecodeEvent, messages: Messages) -> Parsed:
    changes = changes_of(messages.offsets, messages.values, decode, source)
    values = with_columns(table_of(changes, source), beside(messages, changes.places, reader, source))
    return _parsed(source, changes, values, messages.offsets)


def _pieces(source: Source, opened: Opened, _: Source, size: int, start: Position) -> Iterator[Piece]:
    """The blocks of a file of events, one on each line."""
    with opened.stream() as stream:
        text = TextReader(stream)
        text.skip_to(start, size)
        for block in blocks(text, size, cut_lines):
            yield Piece(partial(_of_lines, source, block.text, block.line), block.end)


def _of_lines(source: Source, text: bytes, before: int) -> Parsed:
    lines = (text if before else text.removeprefix(BOM)).splitlines()
    numbers = range(before + 1, before + len(lines) + 1)
    changes = changes_of(numbers, [line if line.strip() else None for line in lines], json_event, source)
    return _parsed(source, changes, table_of(changes, source), numbers)


def _parsed(source: Source, changes: Changes, values: pa.Table, numbers: Sequence[int]) -> Parsed:
    """The rows of events at lines or offsets; their raw content is what columns were to be made of."""

    def locate(row: int) -> tuple[int, str]:
        return numbers[changes.places[row]], json_rows(values.slice(row, 1))[0]

    found = parsed(Records(values, locate, (), JSON_ROW), source)
    rejections = sorted([*changes.malformed, *found.rejections], key=lambda each: each.line or 0)
    return replace(found, rejections=rejections)
