"""Avro records, one to a message: bare, or behind a schema's id as Confluent's serializers write them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from asof.ingest.kafka.avro_schemas import Schema, given_schema, registered_schemas

MAGIC = 0
HEADER = 5  # bytes: MAGIC, then the schema's id, big-endian


@dataclass(frozen=True)
class Datum:
    """A record, and the schema that it was written with."""

    record: dict[str, Any]
    schema: Schema


DecodeAvro = Callable[[bytes], Datum]
"""Reads a message's value; ValueError says why one is no record."""


def by_schema(schema: str, root: str, owner: str) -> DecodeAvro:
    """Reads values by one schema: its JSON text, or its file relative to `root`."""
    parsed = given_schema(schema, root, owner)
    return lambda value: _datum(value, parsed)


def by_registry(address: str, owner: str) -> DecodeAvro:
    """Reads values by the schema of the registry whose id each begins with."""
    schema_of = registered_schemas(address, owner)

    def decode(value: bytes) -> Datum:
        if len(value) < HEADER or value[0] != MAGIC:
            raise ValueError("does not begin with a zero byte and the id of a schema")
        id = int.from_bytes(value[1:HEADER])
        return _datum(value[HEADER:], schema(id))

    def schema(id: int) -> Schema:
        try:
            found = schema_of(id)
        except ValueError as error:
            raise ValueError(f"was written with schema {id}, which {error}") from error
        if found is None:
            raise ValueError(f"was written with schema {id}, which the registry does not have")
        return found

    return decode


def _datum(value: bytes, schema: Schema) -> Datum:
    import fastavro

    stream = BytesIO(value)
    try:
        record = fastavro.schemaless_reader(stream, schema, None)
    except Exception as error:  # fastavro names no errors of its own: bytes at fault raise many kinds
        raise ValueError(f"is not Avro of the schema: {type(error).__name__}: {error}") from error
    if left := len(value) - stream.tell():
        raise ValueError(f"is not Avro of the schema: {left} bytes are left over")
    if not isinstance(record, dict):
        raise ValueError("is not an Avro record")
    return Datum(record, schema)
