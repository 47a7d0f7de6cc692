"""A Kafka topic as the rows of a source."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from asof.errors import DefinitionError, choices
from asof.features.definition import assign, check_type, definition
from asof.features.readers.options import Options, check_options
from asof.features.readers.reader import Reader
from asof.features.types import Schema

FORMATS = ("json", "avro")
FIXED = (
    "auto.offset.reset",
    "bootstrap.servers",
    "enable.auto.commit",
    "enable.auto.offset.store",
    "enable.partition.eof",
    "isolation.level",
)
"""Settings of the client that reading exactly once depends on."""


@definition
class Kafka(Reader):
    """The messages of a Kafka topic, each value a JSON object or an Avro record, read exactly once.

    `brokers` is "host:port", or several with commas. An Avro value is read by `schema`, its schema as
    JSON text or a file of the project (`orders.avsc`), or by the one that it names in the schema
    registry at the address `registry`. `key`, `partition`, `offset` and `timestamp` name columns of the
    source that get these of each message. `options` are settings of librdkafka, as for encryption:
    `{"security.protocol": "SASL_SSL", "sasl.password": "${KAFKA_PASSWORD}"}`; a `${NAME}` in them or in
    an address is taken from the environment.

    Of transactions only what is committed is read. Offsets are kept with the rows: nothing is
    committed to a consumer group.
    """

    rereadable: ClassVar[bool] = False

    brokers: str
    topic: str
    format: str
    schema: str | None
    registry: str | None
    key: str | None
    partition: str | None
    offset: str | None
    timestamp: str | None
    options: Options

    def __init__(
        self,
        brokers: str,
        *,
        topic: str,
        format: str = "json",
        schema: str | None = None,
        registry: str | None = None,
        key: str | None = None,
        partition: str | None = None,
        offset: str | None = None,
        timestamp: str | None = None,
        options: Mapping[str, str] = {},
    ) -> None:
        check_type("Kafka", "topic", topic, str)
        owner = f"Kafka(topic={topic!r})"
        check_type(owner, "brokers", brokers, str)
        _check_format(owner, format, schema, registry)
        columns = {"key": key, "partition": partition, "offset": offset, "timestamp": timestamp}
        for what, name in columns.items():
            if name is not None:
                check_type(owner, what, name, str)
        assign(
            self,
            brokers=brokers,
            topic=topic,
            format=format,
            schema=schema,
            registry=registry,
            options=_checked_options(owner, options),
            **columns,
        )

    @property
    def where(self) -> str:
        return f"topic {self.topic} of {self.brokers}"

    def check(self, owner: str, schema: Schema) -> None:
        for what in ("partition", "offset", "timestamp"):
            name = getattr(self, what)
            if name is not None:
                _check_column(owner, schema, what, name)
        if self.key is not None:
            schema.require(owner, "Kafka's key", self.key)


def _check_format(owner: str, format: str, schema: str | None, registry: str | None) -> None:
    if format not in FORMATS:
        raise DefinitionError(f"{owner}: format {format!r} can't be read; {choices(str(format), FORMATS)}")
    if format == "avro" and (schema is None) == (registry is None):
        raise DefinitionError(
            f"{owner}: format 'avro' needs either schema, the Avro schema or its file, or registry, "
            "the address of the schema registry"
        )
    if format != "avro" and (schema is not None or registry is not None):
        raise DefinitionError(f"{owner}: schema and registry go with format 'avro'")


def _checked_options(owner: str, options: object) -> Options:
    checked = check_options(owner, options)
    for name, _ in checked:
        if name in FIXED:
            raise DefinitionError(f"{owner}: option {name!r} is set by Asof and can't be given")
    return checked


def _check_column(owner: str, schema: Schema, what: str, name: str) -> None:
    dtype = schema.require(owner, f"Kafka's {what}", name)
    if what == "timestamp" and not dtype.is_timestamp:
        raise DefinitionError(f"{owner}: Kafka's timestamp {name!r} is {dtype!r}; it must be a Timestamp")
    if what != "timestamp" and not dtype.is_integer:
        raise DefinitionError(f"{owner}: Kafka's {what} {name!r} is {dtype!r}; it must be an integer")
