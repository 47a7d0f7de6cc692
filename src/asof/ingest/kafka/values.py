"""Rows of the values of messages, JSON objects or Avro records, with what else a message tells."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec
import pyarrow as pa

from asof.features.readers.kafka import Kafka
from asof.features.source import Source
from asof.features.types import Bytes
from asof.ingest.batch import Rejection
from asof.ingest.files.delimited_records import shown
from asof.ingest.files.json_lines import plain_lines, read
from asof.ingest.kafka.messages import Messages
from asof.ingest.records.parsed import Parsed, Records, parsed
from asof.ingest.schema.contract import ignored, kept
from asof.ingest.values.avro import DecodeAvro, by_registry, by_schema
from asof.ingest.values.json import DECODER, columns_of
from asof.ingest.values.python import column
from asof.storage.quarantine import JSON_ROW, json_rows
from asof.storage.secrets import filled

TOMBSTONE = "has no value: a tombstone, which deletes its key"
HEADER = 5  # bytes before a JSON value that was written through a schema registry

Decode = Callable[[Messages], Parsed]


def decoder(source: Source, reader: Kafka, root: str) -> Decode:
    """Makes rows of messages as the reader says; relative paths start at `root`."""
    if reader.format == "avro":
        decode = avro_decoder(reader, root, f"source {source.name!r}")
        return lambda messages: _avro_rows(messages, source, reader, decode)
    return lambda messages: _json_rows(messages, source, reader)


def avro_decoder(reader: Kafka, root: str, owner: str) -> DecodeAvro:
    """Reads Avro values by the schema or the registry that the reader names."""
    if reader.schema is not None:
        return by_schema(reader.schema, root, owner)
    assert reader.registry is not None
    return by_registry(filled(reader.registry, owner), owner)


def json_text(value: bytes) -> bytes:
    """The JSON of a value, without the id of a schema before it."""
    return value[HEADER:] if value[:1] == b"\0" else value


@dataclass(frozen=True)
class Sorted:
    """The values that could be decoded, at their places among the messages, and the others."""

    values: list[Any]
    places: list[int]
    malformed: list[Rejection]


def sort_out(
    messages: Messages, decode: Callable[[bytes], Any], raw: Callable[[bytes], str], layout: str | None
) -> Sorted:
    """Decode each value; one that `decode` refuses with a ValueError is malformed, as is a tombstone."""
    found = Sorted([], [], [])
    for place, (offset, value) in enumerate(zip(messages.offsets, messages.values, strict=True)):
        if value is None:
            found.malformed.append(Rejection(offset, "", TOMBSTONE, layout=layout))
            continue
        try:
            found.values.append(decode(value))
            found.places.append(place)
        except ValueError as error:
            found.malformed.append(Rejection(offset, raw(value), str(error), layout=layout))
    return found


def json_object(value: bytes) -> dict[str, object]:
    """The object that a value is; ValueError says why it is none."""
    try:
        return DECODER.decode(json_text(value))
    except msgspec.ValidationError:
        raise ValueError("is not a JSON object") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"is not JSON: {error}") from None


def _json_rows(messages: Messages, source: Source, reader: Kafka) -> Parsed:
    return _at_once(messages, source, reader) or _one_by_one(messages, source, reader)


def _at_once(messages: Messages, source: Source, reader: Kafka) -> Parsed | None:
    """The rows where each message is a line of JSON, of an offset that follows on the one before it."""
    offsets, values = messages.offsets, [value for value in messages.values if value is not None]
    if not values or offsets[-1] - offsets[0] != len(values) - 1 or _names_columns(reader):
        return None
    text = b"\n".join(json_text(value) for value in values)
    return read(text, source, offsets[0] - 1) if plain_lines(text) == len(values) else None


def _names_columns(reader: Kafka) -> bool:
    return any((reader.key, reader.partition, reader.offset, reader.timestamp))


def _one_by_one(messages: Messages, source: Source, reader: Kafka) -> Parsed:
    found = sort_out(messages, json_object, lambda value: shown(json_text(value)), None)
    values = columns_of(found.values, source)
    if others := beside(messages, found.places, reader, source):
        rows = _as_rows(with_columns(values, others), messages, found, source)
        return replace(rows, ignored=_ignored(found.values, source))

    def locate(row: int) -> tuple[int, str]:
        place = found.places[row]
        return messages.offsets[place], shown(json_text(messages.values[place] or b""))

    rows = parsed(Records(values, locate, found.malformed), source)
    return replace(rows, ignored=_ignored(found.values, source))


def _avro_rows(messages: Messages, source: Source, reader: Kafka, decode: DecodeAvro) -> Parsed:
    found = sort_out(messages, decode, lambda value: base64.b64encode(value).decode(), JSON_ROW)
    records = [datum.record for datum in found.values]
    names = kept(list(dict.fromkeys(name for record in records for name in record)), source)
    values = pa.table({name: column([record.get(name) for record in records]) for name in names})
    rows = _as_rows(
        with_columns(values, beside(messages, found.places, reader, source)), messages, found, source
    )
    return replace(rows, ignored=_ignored(records, source))


def _ignored(records: Sequence[Mapping[str, object]], source: Source) -> frozenset[str]:
    """The keys that are not read, as far as the first record has any."""
    return ignored(records[0], source) if records else frozenset()


def _as_rows(values: pa.Table, messages: Messages, found: Sorted, source: Source) -> Parsed:
    """Rows whose raw content is what their columns were to be made of."""

    def locate(row: int) -> tuple[int, str]:
        return messages.offsets[found.places[row]], json_rows(values.slice(row, 1))[0]

    return parsed(Records(values, locate, found.malformed, JSON_ROW), source)


def beside(messages: Messages, places: Sequence[int], reader: Kafka, source: Source) -> dict[str, pa.Array]:
    """The columns that the reader fills with what a message tells beside its value."""
    columns = {
        reader.partition: pa.array([messages.partition] * len(messages.offsets), pa.int64()),
        reader.offset: pa.array(messages.offsets, pa.int64()),
        reader.timestamp: pa.array(messages.timestamps, pa.timestamp("ms", "UTC")),
    }
    if reader.key is not None:
        columns[reader.key] = _keys(messages, as_bytes=source.schema[reader.key] == Bytes)
    return {name: found.take(pa.array(places, pa.int64())) for name, found in columns.items() if name}


def _keys(messages: Messages, *, as_bytes: bool) -> pa.Array:
    keys = pa.array(messages.keys, pa.binary())
    if as_bytes:
        return keys
    try:
        return keys.cast(pa.string())
    except pa.ArrowInvalid:
        return keys


def with_columns(values: pa.Table, columns: Mapping[str, pa.Array]) -> pa.Table:
    """The table with other values in some of its columns."""
    for name, found in columns.items():
        values = values.set_column(values.column_names.index(name), name, found)
    return values
