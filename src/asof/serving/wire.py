"""Lookups as JSON: what is asked, and what is answered.

Decimals are exact JSON numbers, times RFC 3339 in UTC, dates ISO 8601, bytes base64, maps objects. Infinite
numbers, which JSON doesn't have, are null.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Annotated, Any

import msgspec
import numpy as np

from asof.errors import DataError
from asof.serving.instants import to_text
from asof.serving.services import ServedService
from asof.serving.vectors import Vectors

JSON = "application/json"

KeyValue = str | int | bool | None
RequestValue = str | int | float | bool | None


class Request(msgspec.Struct, forbid_unknown_fields=True):
    """The body of a lookup. `request` is of each key, or one for all; `now` needs an offset from UTC."""

    keys: list[dict[str, KeyValue]]
    request: list[dict[str, RequestValue]] | dict[str, RequestValue] | None = None
    now: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    details: bool = False


class NotJson(DataError):
    """A body that isn't JSON."""


def read_request(body: bytes) -> Request:
    """NotJson for a body that isn't JSON, DataError, naming the field, for JSON of another form."""
    try:
        return _decoder.decode(body)
    except msgspec.ValidationError as error:
        raise DataError(f"{error}; send {_FORM}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise NotJson(f"the body is not JSON: {error}; send {_FORM}") from None


def read_query(pairs: Iterable[tuple[str, str]], request: Collection[str] = ()) -> Request:
    """One key from a query string: its parts by name, each once; those in `request` come with the request."""
    given: dict[str, str] = {}
    for name, value in pairs:
        if name in given:
            raise DataError(f"{name!r} is given twice: GET looks up one key, POST many")
        given[name] = value
    key: dict[str, KeyValue] = {name: value for name, value in given.items() if name not in request}
    asked: dict[str, RequestValue] = {name: value for name, value in given.items() if name in request}
    return Request([key], request=asked or None, details=True)


def write(content: object) -> bytes:
    """JSON of plain values, and of all that an online store holds."""
    return _encoder.encode(content)


def answer(vectors: Vectors, details: bool) -> dict[str, object]:
    """The answer to a lookup; with `details` each value's status and event time."""
    rows = [{"keys": key, "values": row} for key, row in _named(vectors)]
    if details:
        for row, statuses, times in zip(rows, vectors.statuses, vectors.event_times, strict=True):
            row["statuses"] = dict(zip(vectors.names, statuses, strict=True))
            row["event_times"] = dict(zip(vectors.names, map(_time, times), strict=True))
    return {"features": vectors.names, "as_of": to_text(vectors.as_of), "rows": rows}


def service_card(service: ServedService) -> dict[str, object]:
    """What a client needs to know to ask a service."""
    return {
        "name": service.name,
        "keys": _typed(service.keys),
        "request": _typed(service.request),
        "features": _typed(service.features),
        "as_of": to_text(service.as_of),
    }


def _named(vectors: Vectors) -> Iterable[tuple[dict[str, Any], dict[str, Any]]]:
    for key, row in zip(vectors.keys, vectors.rows, strict=True):
        yield dict(zip(vectors.key_types, key, strict=True)), dict(zip(vectors.names, row, strict=True))


def _typed(types: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "type": dtype} for name, dtype in types.items()]


def _time(moment: int | None) -> str | None:
    return None if moment is None else to_text(moment)


def _plain(value: object) -> str:
    if isinstance(value, np.datetime64):
        return to_text(int(value.astype("datetime64[ns]").astype(np.int64)))
    raise NotImplementedError(f"no JSON for {type(value).__name__}")


_FORM = '{"keys": [{"KEY": VALUE}]}, and optionally "request", "now" and "details"'
_decoder = msgspec.json.Decoder(Request)
_encoder = msgspec.json.Encoder(decimal_format="number", enc_hook=_plain)
