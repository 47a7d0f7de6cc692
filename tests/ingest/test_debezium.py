"""Change streams from files: what events say, and how their values are written."""

from __future__ import annotations

import base64
import json
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from asof.errors import DefinitionError
from asof.features import types
from asof.features.contract import Contract
from asof.features.readers import Debezium, Files, Kafka
from asof.features.source import Source
from asof.features.types import DType
from asof.ingest.batch import Batch
from asof.ingest.connector import open_connector
from asof.ingest.place import Place
from asof.ingest.records.retry import retried
from asof.ingest.schema.contract import Known

AT = 1_700_000_000_000
TIME = datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
COLUMNS: dict[str, DType | str] = {"id": types.Int64, "name": types.String}


def source(columns: dict[str, DType | str] = COLUMNS, zone: str = "UTC", **reader: Any) -> Source:
    return Source(
        "orders",
        reader=Debezium(Files("*.jsonl"), known_at="changed_at", deleted="deleted", **reader),
        schema=columns | {"changed_at": types.Timestamp, "deleted": types.Bool},
        known_since="2020-01-01",
        created="changed_at",
        identity=["id"],
        retracted="deleted",
        timezone=zone,
    )


def read(folder: Path, lines: list[str], *arguments: Any, **options: Any) -> Batch:
    (folder / "a.jsonl").write_text("".join(line + "\n" for line in lines))
    [batch] = open_connector(source(*arguments, **options), Place(str(folder))).batches(None)
    return batch


def event(op: str, before: Any = None, after: Any = None, **others: Any) -> str:
    return json.dumps({"op": op, "before": before, "after": after, "source": {"ts_ms": AT}} | others)


def row(id: int, name: str | None, *, deleted: bool = False, at: datetime = TIME) -> dict[str, Any]:
    return {"id": id, "name": name, "changed_at": at, "deleted": deleted}


MUG, JAR = {"id": 1, "name": "mug"}, {"id": 2, "name": "jar"}


@pytest.mark.parametrize(
    ("said", "rows"),
    [
        (event("c", None, MUG), [row(1, "mug")]),
        (event("r", None, MUG), [row(1, "mug")]),
        (event("u", MUG, MUG | {"name": "cup"}), [row(1, "cup")]),
        (event("u", None, MUG | {"name": "cup"}), [row(1, "cup")]),
        (event("u", {"id": 1}, {"id": 2, "name": "mug"}), [row(1, None, deleted=True), row(2, "mug")]),
        (event("d", MUG), [row(1, "mug", deleted=True)]),
        (event("d", {"id": 1}), [row(1, None, deleted=True)]),
        (json.dumps({"schema": None, "payload": json.loads(event("c", None, MUG))}), [row(1, "mug")]),
        ('{"schema": null, "payload": null}', []),
        ("", []),
    ],
    ids=[
        "create",
        "read",
        "update",
        "without before",
        "of the key",
        "delete",
        "key alone",
        "wrapped",
        "wrapped tombstone",
        "tombstone",
    ],
)
def test_changes(tmp_path: Path, said: str, rows: list[dict[str, Any]]) -> None:
    batch = read(tmp_path, [event("c", None, JAR), said])
    assert batch.rows.to_pylist() == [row(2, "jar"), *rows]
    assert (batch.rejected.num_rows, batch.rows_read) == (0, 1 + len(rows))


@pytest.mark.parametrize(
    ("said", "column", "reason"),
    [
        (event("t"), None, "the table was truncated, which does not say the rows that it takes back"),
        (event("m"), None, "op 'm' is not the change of a row"),
        (event("d"), None, "a change of kind 'd' needs the row before it"),
        (event("c", MUG), None, "a change of kind 'c' needs the row after it"),
        (event("d", {"name": "mug"}), "id", "id: a delete that does not say whose"),
        (event("c", None, MUG, source={"ts_ms": 2**60}), None, "says that the change was known "),
        (event("c", None, MUG, source={}), None, "does not say when the change was known: source.ts_ms"),
        (event("c", None, MUG, source={"ts_ms": 0}), None, "does not say when the change was known"),
        (event("u", None, {"id": 1, "name": "__debezium_unavailable_value"}), "name", "name: was not sent"),
        (json.dumps(MUG), None, "is not a change event: Object missing required field `op`"),
        ("[1]", None, "is not a change event: "),
        ('{"op": ', None, "is not JSON: "),
    ],
)
def test_an_event_that_can_not_be_taken(tmp_path: Path, said: str, column: str | None, reason: str) -> None:
    batch = read(tmp_path, [event("c", None, MUG), said, event("c", None, JAR)])
    assert (batch.rows.num_rows, batch.rows_read) == (2, 3)
    [rejected] = batch.rejected.to_pylist()
    assert rejected["reason"].startswith(reason)
    assert (rejected["column"], rejected["raw"]) == (column, said)
    assert (rejected["origin"], rejected["line"]) == ("a.jsonl", 2)


def test_a_value_that_its_column_can_not_take(tmp_path: Path) -> None:
    batch = read(tmp_path, [event("c", None, MUG), event("c", None, {"id": "x", "name": "y"})])
    [rejected] = batch.rejected.to_pylist()
    assert (rejected["line"], rejected["column"]) == (2, "id")
    assert json.loads(rejected["raw"])["name"] == "y"


@pytest.mark.parametrize(
    ("clock", "times", "expected"),
    [
        ("source", {"source": {"ts_ms": AT}, "ts_ms": AT + 1}, TIME),
        ("source", {"source": {"ts_ms": AT, "ts_us": AT * 1000 + 7}}, TIME.replace(microsecond=7)),
        ("source", {"source": {"ts_ms": AT, "ts_ns": AT * 10**6 + 7999}}, TIME.replace(microsecond=7)),
        ("connector", {"source": {"ts_ms": AT}, "ts_ms": AT + 1}, TIME.replace(microsecond=1000)),
    ],
)
def test_when_a_change_is_known(
    tmp_path: Path, clock: str, times: dict[str, Any], expected: datetime
) -> None:
    [found] = read(tmp_path, [event("c", None, MUG, **times)], clock=clock).rows.to_pylist()
    assert found["changed_at"] == expected


def field(type: str, name: str | None = None, **parameters: str) -> dict[str, Any]:
    described: dict[str, Any] = {"type": type, "optional": True, "field": "v"}
    return described | ({"name": name} if name else {}) | ({"parameters": parameters} if parameters else {})


def packed(number: int) -> str:
    return base64.b64encode(number.to_bytes(9, signed=True)).decode()


MICROS = 1_700_000_000_123_456
LOCAL = datetime(2023, 11, 14, 22, 13, 20, 123456)
DECIMAL = "org.apache.kafka.connect.data.Decimal"
SCHEMED = [
    (field("bytes", DECIMAL, scale="2"), packed(-1234), types.Decimal(10, 2), Decimal("-12.34")),
    (field("bytes", DECIMAL, scale="0"), packed(10**15), types.Int64, 10**15),
    (field("bytes", DECIMAL, scale="4"), packed(12300), types.Decimal(10, 2), Decimal("1.23")),
    (field("bytes", DECIMAL, scale="1"), packed(15), types.Float64, 1.5),
    (
        field("struct", "io.debezium.data.VariableScaleDecimal"),
        {"scale": 3, "value": packed(1500)},
        types.Decimal(10, 3),
        Decimal("1.500"),
    ),
    (field("string"), "12.34", types.Decimal(10, 2), Decimal("12.34")),
    (field("string"), "1234", types.Decimal(10, 2), Decimal("1234.00")),
    (field("double"), 12.34, types.Decimal(10, 2), Decimal("12.34")),
    (field("int32", "io.debezium.time.Date"), 19782, types.Date, date(2024, 2, 29)),
    (field("int32", "io.debezium.time.Date"), -1, types.Date, date(1969, 12, 31)),
    (field("int32", "org.apache.kafka.connect.data.Date"), 19782, types.Date, date(2024, 2, 29)),
    (field("int64", "io.debezium.time.Timestamp"), AT, types.Timestamp, TIME),
    (field("int64", "org.apache.kafka.connect.data.Timestamp"), AT, types.Timestamp, TIME),
    (field("int64", "io.debezium.time.MicroTimestamp"), MICROS, types.Timestamp, LOCAL.replace(tzinfo=UTC)),
    (field("int64", "io.debezium.time.NanoTimestamp"), AT * 10**6, types.Timestamp, TIME),
    (field("int64", "io.debezium.time.MicroTimestamp"), MICROS, types.Int64, MICROS),
    (field("string", "io.debezium.time.ZonedTimestamp"), "2023-11-14T23:13:20+01:00", types.Timestamp, TIME),
    (field("bytes"), base64.b64encode(b"\xff\0").decode(), types.Bytes, b"\xff\0"),
    (field("string", "io.debezium.data.Json"), '{"a": 1}', types.String, '{"a": 1}'),
    (field("array"), [1, 2], types.String, "[1,2]"),
    (field("boolean"), True, types.Bool, True),
    (field("int64"), None, types.Int64, None),
]


def schemed(described: dict[str, Any], value: object) -> str:
    """An event with its schema, whose row has an id and a value."""
    row_fields = [{"type": "int64", "field": "id"}, described]
    images = [{"type": "struct", "field": name, "fields": row_fields} for name in ("before", "after")]
    schema = {"type": "struct", "fields": [*images, {"type": "string", "field": "op"}]}
    return json.dumps({"schema": schema, "payload": json.loads(event("c", None, {"id": 1, "v": value}))})


def test_a_scale_beyond_reason_is_rejected(tmp_path: Path) -> None:
    said = schemed(
        field("struct", "io.debezium.data.VariableScaleDecimal"), {"scale": 10**9, "value": "AQ=="}
    )
    batch = read(tmp_path, [said], {"id": types.Int64, "v": types.Decimal(10, 2)})
    assert batch.rejected["reason"].to_pylist() == ["v: 1000000000 is no scale of a decimal"]


@pytest.mark.parametrize(("described", "value", "dtype", "expected"), SCHEMED)
def test_values_by_the_schema_of_the_event(
    tmp_path: Path, described: dict[str, Any], value: object, dtype: DType, expected: object
) -> None:
    batch = read(tmp_path, [schemed(described, value)], {"id": types.Int64, "v": dtype})
    assert (batch.rows["v"].to_pylist(), batch.rejected["reason"].to_pylist()) == ([expected], [])


def test_a_time_that_is_a_number_is_of_the_zone_of_the_source(tmp_path: Path) -> None:
    said = schemed(field("int64", "io.debezium.time.MicroTimestamp"), MICROS)
    batch = read(tmp_path, [said], {"id": types.Int64, "v": types.Timestamp}, "Europe/Paris")
    assert batch.rows["v"].to_pylist() == [LOCAL.replace(hour=21, tzinfo=UTC)]


@pytest.mark.parametrize(
    ("dtype", "value", "options", "expected"),
    [
        (types.Bytes, "X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ==", {}, "v: was not sent"),
        (types.Timestamp, "2023-11-14T22:13:20Z", {}, TIME),
        (types.Timestamp, AT, {"time_unit": "ms"}, TIME),
        (types.Timestamp, AT * 1000, {"time_unit": {"v": "us"}}, TIME),
        (types.Timestamp, AT, {}, f"v: {AT} has no unit: its event has no schema"),
        (types.Timestamp, AT, {"time_unit": {"changed_at": "us"}}, f"v: {AT} has no unit"),
        (types.Timestamp, 2**63 - 1, {"time_unit": "ms"}, f"v: {2**63 - 1} ms since 1970 is out of range"),
        (types.Date, 19782, {}, date(2024, 2, 29)),
        (types.Date, "2024-02-29", {}, date(2024, 2, 29)),
        (types.Date, 2**40, {}, f"v: {2**40} days since 1970 is out of range"),
        (types.Decimal(10, 2), 12.34, {}, Decimal("12.34")),
        (types.Decimal(10, 2), "12.34", {}, Decimal("12.34")),
        (types.Decimal(10, 2), "-5", {}, Decimal("-5.00")),
        (types.Decimal(10, 2), "1234", {}, "v: '1234' may be a number or base64"),
        (types.Decimal(10, 2), "1234", {"decimals": "text"}, Decimal("1234.00")),
        (types.Decimal(10, 2), packed(1234), {}, f"v: '{packed(1234)}' may be a number or base64"),
        (types.Decimal(10, 2), packed(1234), {"decimals": "base64"}, Decimal("12.34")),
        (types.Decimal(10, 2), "12.34", {"decimals": "base64"}, "v: '12.34' is not base64"),
        (types.Bytes, "/wA=", {}, b"\xff\0"),
        (types.Bytes, "?", {}, "v: '?' is not base64"),
        (types.Int64, 2**62 + 1, {}, 2**62 + 1),
    ],
)
def test_values_without_a_schema(
    tmp_path: Path, dtype: DType, value: object, options: dict[str, Any], expected: object
) -> None:
    said = event("c", None, {"id": 1, "v": value})
    batch = read(tmp_path, [said], {"id": types.Int64, "v": dtype}, **options)
    found = batch.rows["v"].to_pylist() or batch.rejected["reason"].to_pylist()
    if isinstance(expected, str):
        assert found[0].startswith(expected)
    else:
        assert found == [expected]


def test_quarantined_events_are_read_again(tmp_path: Path) -> None:
    said = [event("u", {"id": 1}, {"id": 2, "v": AT}), event("t"), event("c", None, {"id": 3, "v": AT})]
    columns: dict[str, DType | str] = {"id": types.Int64, "v": types.Timestamp}
    rejected = read(tmp_path, said, columns).rejected
    assert rejected.num_rows == 3
    again = retried(rejected, source(columns, time_unit="ms"), Known())
    assert [(each["id"], each["v"], each["deleted"]) for each in again.rows.to_pylist()] == [
        (1, None, True),
        (2, TIME, False),
        (3, TIME, False),
    ]
    assert list(again.faults) == [1]


def test_a_column_that_the_schema_lacks_is_taken_in(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(event("c", None, MUG | {"country": "FR"}))
    evolving = Source(
        "orders",
        reader=Debezium(Files("*.jsonl"), known_at="changed_at", deleted="deleted"),
        schema=COLUMNS | {"changed_at": types.Timestamp, "deleted": types.Bool},
        known_since="2020-01-01",
        contract=Contract(new_columns="evolve"),
    )
    [batch] = open_connector(evolving, Place(str(tmp_path))).batches(None)
    assert batch.rows.to_pylist() == [row(1, "mug") | {"country": "FR"}]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"clock": "wall"}, "clock='wall' is unknown; allowed: connector, source"),
        ({"time_unit": "s"}, "time_unit='s' is unknown"),
        ({"time_unit": {"nme": "ms"}}, "Debezium's time_unit 'nme' is not a column; did you mean 'name'"),
        ({"decimals": "precise"}, "decimals='precise' is unknown"),
        ({"known_at": "at"}, "Debezium's known_at 'at' is not a column"),
        ({"known_at": "name"}, "Debezium's known_at 'name' is String; it must be a Timestamp"),
        ({"deleted": "id"}, "Debezium's deleted 'id' is Int64; it must be a Bool"),
        ({"reader": Files("a.csv")}, "change events in files are JSON lines, not csv"),
        ({"reader": "topic"}, "reader must be Kafka(...) or Files(...), got 'topic'"),
        ({"reader": Kafka("a:1", topic="x", key="k")}, "Kafka's key 'k' is not a column"),
    ],
)
def test_a_wrong_definition(arguments: dict[str, Any], said: str) -> None:
    given = {"reader": Files("*.jsonl"), "known_at": "changed_at", "deleted": "deleted"} | arguments

    def define() -> None:
        columns = COLUMNS | {"changed_at": types.Timestamp, "deleted": types.Bool}
        Source("orders", reader=Debezium(**given), schema=columns, known_since="2020-01-01")

    with pytest.raises(DefinitionError) as caught:
        define()
    assert said in str(caught.value)
