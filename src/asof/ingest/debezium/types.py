"""How Debezium writes the values of a column, as the schema that comes with an event says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_UNITS = {
    "io.debezium.time.Timestamp": "ms",
    "io.debezium.time.MicroTimestamp": "us",
    "io.debezium.time.NanoTimestamp": "ns",
    "org.apache.kafka.connect.data.Timestamp": "ms",
}
_KINDS = {
    "io.debezium.time.Date": "date",
    "org.apache.kafka.connect.data.Date": "date",
    "org.apache.kafka.connect.data.Decimal": "decimal",
    "io.debezium.data.VariableScaleDecimal": "variable decimal",
}


@dataclass(frozen=True)
class Written:
    """How values stand in an event.

    `kind` is "time" (a number of `unit` since 1970), "date" (of days), "decimal" (base64 or bytes of
    the unscaled number, with `scale`), "variable decimal" (with a scale of its own), "bytes" (base64)
    or "plain".
    """

    kind: str = "plain"
    unit: str = ""
    scale: int = 0


PLAIN = Written()


def by_connect(schema: Mapping[str, Any]) -> dict[str, Written]:
    """By column, from the schema of an envelope as Connect's JSON converter writes it."""
    for part in schema.get("fields", ()):
        if part.get("field") in ("after", "before") and "fields" in part:
            return {field["field"]: _connect_field(field) for field in part["fields"]}
    return {}


def by_avro(schema: Mapping[str, Any]) -> dict[str, Written]:
    """By column, from the Avro schema of an envelope as Connect's Avro converter writes it."""
    for part in schema.get("fields", ()):
        record = _not_null(part["type"])
        if part["name"] in ("after", "before") and isinstance(record, dict) and "fields" in record:
            return {field["name"]: _avro_field(_not_null(field["type"])) for field in record["fields"]}
    return {}


def _connect_field(field: Mapping[str, Any]) -> Written:
    scale = int((field.get("parameters") or {}).get("scale", 0))
    return _written(field.get("name"), scale, is_bytes=field.get("type") == "bytes")


def _avro_field(type: Any) -> Written:
    """How fastavro gives a field: bytes as they are, decimals and dates as what they mean."""
    if not isinstance(type, dict) or type.get("logicalType") == "decimal":
        return PLAIN
    return _written(type.get("connect.name"), 0, is_bytes=False)


def _written(name: str | None, scale: int, *, is_bytes: bool) -> Written:
    if name in _UNITS:
        return Written("time", _UNITS[name])
    if name in _KINDS:
        return Written(_KINDS[name], scale=scale)
    return Written("bytes") if is_bytes else PLAIN


def _not_null(type: Any) -> Any:
    """What a column that may be null holds otherwise."""
    if isinstance(type, list):
        return next((each for each in type if each != "null"), "null")
    return type
