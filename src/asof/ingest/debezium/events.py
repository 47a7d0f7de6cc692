"""Change events: what one says happened to a row, and how its values are written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any

import msgspec

from asof.ingest.debezium.types import Written, by_avro, by_connect
from asof.ingest.kafka.values import json_text
from asof.ingest.values.avro import DecodeAvro

ENVELOPE = "a change event has op, before, after and source"


class Envelope(msgspec.Struct):
    """What Debezium tells of a change. `op`: c(reate), u(pdate), d(elete), r(ead by a snapshot), ..."""

    op: str
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None
    source: dict[str, Any] = {}
    ts_ms: int | None = None
    ts_us: int | None = None
    ts_ns: int | None = None


@dataclass(frozen=True)
class Event:
    """A change; `written` says of each column how its values are written, None where nothing came along."""

    envelope: Envelope
    written: Mapping[str, Written] | None


DecodeEvent = Callable[[bytes], Event | None]
"""Reads an event: None for one without content, which follows a delete; ValueError says why it is none."""


class _Message(msgspec.Struct):
    """A message as Connect's JSON converter writes it: the event alone, or as `payload` with its `schema`."""

    schema: msgspec.Raw = msgspec.Raw(b"null")
    payload: msgspec.Raw = msgspec.Raw(b"")


_MESSAGE = msgspec.json.Decoder(_Message)
_ENVELOPE = msgspec.json.Decoder(Envelope | None, float_hook=Decimal)


def json_event(value: bytes) -> Event | None:
    """The event that a JSON text holds."""
    text = json_text(value)
    try:
        message = _MESSAGE.decode(text)
        envelope = _ENVELOPE.decode(bytes(message.payload) or text)
        return None if envelope is None else Event(envelope, _described(bytes(message.schema)))
    except msgspec.ValidationError as error:
        raise ValueError(f"is not a change event: {error}; {ENVELOPE}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"is not JSON: {error}") from None


def avro_event(decode: DecodeAvro) -> DecodeEvent:
    """Reads the events that Avro records hold."""

    def event(value: bytes) -> Event:
        datum = decode(value)
        try:
            return Event(msgspec.convert(datum.record, Envelope), by_avro(datum.schema))
        except msgspec.ValidationError as error:
            raise ValueError(f"is not a change event: {error}; {ENVELOPE}") from None

    return event


@lru_cache(maxsize=256)
def _described(schema: bytes) -> Mapping[str, Written] | None:
    """How a schema says that values are written; the same schema comes with event after event."""
    found = msgspec.json.decode(schema)
    return None if found is None else by_connect(found)


def known_at(envelope: Envelope, clock: str) -> int:
    """When the change was made ("source") or Debezium saw it ("connector"): ns since 1970, UTC."""
    times = envelope.source if clock == "source" else msgspec.structs.asdict(envelope)
    for name, nanoseconds in (("ts_ns", 1), ("ts_us", 10**3), ("ts_ms", 10**6)):
        if type(times.get(name)) is int and times[name]:
            return _in_range(times[name] * nanoseconds)
    place = "source.ts_ms" if clock == "source" else "ts_ms"
    raise ValueError(f"does not say when the change was known: {place} is not there")


def _in_range(nanoseconds: int) -> int:
    if abs(nanoseconds) >= 2**63:
        raise ValueError(f"says that the change was known {nanoseconds} ns after 1970, which is out of range")
    return nanoseconds
