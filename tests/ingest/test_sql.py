"""Tables read by a cursor column, in each kind of database."""

from __future__ import annotations

import json
import runpy
import sys
from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal as D
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from asof.errors import DataError, DefinitionError, MissingExtra, NotFound
from asof.features.contract import Contract
from asof.features.readers import Sql
from asof.features.source import Source
from asof.features.types import Bool, Bytes, Date, Decimal, DType, Float64, Int64, String, Timestamp
from asof.project import Project
from asof.storage.catalogue import Step
from asof.storage.fingerprint import fingerprint

WORLD = runpy.run_path(str(Path(__file__).with_name("sql_world.py")))
Taking, make_world = WORLD["Taking"], WORLD["world"]
KINDS = WORLD["KINDS"]
START = datetime(2024, 1, 1, tzinfo=UTC)
TYPES = {"id": Int64, "note": String, "at": Timestamp}


@pytest.fixture(params=KINDS)
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    return WORLD["world_of"](request, tmp_path)


@pytest.fixture
def server(postgres: str, tmp_path: Path) -> Any:
    return make_world("postgresql", tmp_path, postgres)


@pytest.fixture
def sqlite(tmp_path: Path) -> Any:
    return make_world("sqlite", tmp_path, None)


def orders(
    world: Any,
    *,
    schema: dict[str, DType] = TYPES,
    timezone: str = "UTC",
    memory: int = 64 << 20,
    **reader: Any,
) -> Any:
    reader = {"cursor": "at", **reader}
    if "query" not in reader:
        reader = {"table": "orders", **reader}
    source = Source(
        "orders",
        reader=Sql(world.address, **reader),
        schema=schema,
        known_since="2020-01-01",
        timezone=timezone,
    )
    return Taking(source, memory)


def create(world: Any, columns: str = "") -> None:
    columns = columns or f'id BIGINT PRIMARY KEY, note VARCHAR(100), "at" {world.time}'
    world.do(f"CREATE TABLE orders ({columns})")


def insert(world: Any, *rows: tuple[int, str, int | None]) -> None:
    """Rows with a number, a note, and so many minutes after the start."""
    values = [f"({number}, '{note}', {literal(minute)})" for number, note, minute in rows]
    if values:
        world.do(f"INSERT INTO orders VALUES {', '.join(values)}")


def literal(minute: int | None) -> str:
    return "NULL" if minute is None else f"'{START + timedelta(minutes=minute):%Y-%m-%d %H:%M:%S}'"


def ids(rows: list[dict[str, Any]]) -> list[int]:
    return [row["id"] for row in rows]


def test_all_rows_come_once_in_order(world: Any) -> None:
    create(world)
    insert(world, (3, "c", 1), (1, "it''s", 1), (2, "b", 0))
    taking = orders(world)
    assert taking.pending()
    assert [tuple(row.values()) for row in taking.run()] == [
        (2, "b", START),
        (1, "it's", START + timedelta(minutes=1)),
        (3, "c", START + timedelta(minutes=1)),
    ]
    assert not taking.pending()
    assert taking.run() == []


def test_ties_on_the_last_value_are_not_lost(world: Any) -> None:
    create(world)
    insert(world, (5, "a", 1), (6, "a", 0))
    taking = orders(world)
    taking.run()
    insert(world, (4, "b", 1), (7, "b", 1), (8, "late", 0))
    assert ids(taking.run()) == [4, 7]


def test_late_rows_within_the_overlap_come_once(world: Any) -> None:
    create(world)
    insert(world, (1, "a", 0), (2, "a", 90), (3, "a", 120))
    taking = orders(world, overlap="1h")
    taking.run()
    insert(world, (4, "late", 60), (5, "too late", 59), (6, "late", 119), (7, "new", 121))
    assert ids(taking.run()) == [4, 6, 7]
    assert taking.run() == []


def test_a_changed_row_is_a_new_revision(world: Any) -> None:
    create(world)
    insert(world, (1, "a", 0), (2, "a", 1))
    taking = orders(world, overlap="1h")
    taking.run()
    world.do("""UPDATE orders SET note = 'b', "at" = '2024-01-01 00:05:00' WHERE id = 1""")
    assert [(row["id"], row["note"]) for row in taking.run()] == [(1, "b")]


def test_a_row_without_a_cursor_value_goes_to_quarantine_once(world: Any) -> None:
    create(world)
    insert(world, (1, "a", 0), (2, "nowhere", None))
    taking = orders(world, overlap="1h")
    assert ids(taking.run()) == [1]
    insert(world, (3, "a", 1), (4, "nowhere", None))
    assert ids(taking.run()) == [3]
    assert [(row["column"], row["origin"]) for row in taking.rejected] == [("at", "orders")] * 2
    assert [json.loads(row["raw"])["note"] for row in taking.rejected] == ["nowhere"] * 2


def test_a_bad_row_goes_to_quarantine_once(world: Any) -> None:
    create(world)
    insert(world, (1, "7", 0), (2, "seven", 5), (3, "8", 9))
    taking = orders(world, schema={"id": Int64, "note": Int64, "at": Timestamp}, overlap="1h")
    assert ids(taking.run()) == [1, 3]
    assert taking.run() == []
    insert(world, (4, "four", 9), (5, "9", 5))
    assert ids(taking.run()) == [5]
    assert [(row["line"], row["column"]) for row in taking.rejected] == [(2, "note"), (5, "note")]
    assert "'seven' is not an int64" in taking.rejected[0]["reason"]


@pytest.mark.parametrize("memory", [1, 150, 64 << 20])
def test_reading_goes_on_from_every_batch(world: Any, memory: int) -> None:
    create(world)
    insert(world, *((number, "abc"[number % 3] * 20, number // 4) for number in range(40)))
    whole = orders(world, overlap="3m")
    whole.run()
    insert(world, *((number, "late" if number % 5 else "x", number // 8) for number in range(40, 60)))
    world.do("""UPDATE orders SET note = 'again', "at" = '2024-01-01 00:09:00' WHERE id = 39""")
    whole.run()
    killed = orders(world, memory=memory, overlap="3m")
    while killed.run(batches=1):
        json.dumps(killed.cursor)
    assert not killed.pending()
    assert len(killed.tables) >= (1 if memory > 1 << 20 else 10)
    assert ids(killed.rows) == sorted(range(60), key=lambda number: (at(killed.rows)[number], number))
    assert set(ids(whole.rows)) == set(range(60)) - {number for number in range(40, 60) if number // 8 < 6}


def at(rows: list[dict[str, Any]]) -> dict[int, datetime]:
    return {row["id"]: row["at"] for row in rows}


@pytest.mark.parametrize(
    ("column", "values", "overlap", "late"),
    [
        ("BIGINT", ["1", "50", "100"], 10, ("90", "89")),
        ("DECIMAL(10,2)", ["1.5", "50.25", "100.75"], 10, ("90.75", "90.74")),
        ("DATE", ["'2024-01-01'", "'2024-02-01'", "'2024-03-01'"], "1d", ("'2024-02-29'", "'2024-02-28'")),
    ],
)
def test_cursors_of_every_kind(
    world: Any, column: str, values: list[str], overlap: int | str, late: tuple[str, str]
) -> None:
    create(world, f'id INTEGER PRIMARY KEY, "at" {column}')
    dtype = {"B": Int64, "D": Date if column == "DATE" else Decimal(10, 2)}[column[0]]
    for number, value in enumerate(values):
        world.do(f"INSERT INTO orders VALUES ({number}, {value})")
    taking = orders(world, schema={"id": Int64, "at": dtype}, overlap=overlap)
    assert ids(taking.run()) == [0, 1, 2]
    world.do(f"INSERT INTO orders VALUES (3, {late[0]}), (4, {late[1]}), (5, {values[2]})")
    assert ids(taking.run()) == [3, 5]
    assert taking.run() == []


def test_numbers_in_text_are_no_cursor(world: Any) -> None:
    create(world, 'id INTEGER PRIMARY KEY, "at" VARCHAR(10)')
    world.do("INSERT INTO orders VALUES (1, '9'), (2, '10')")
    with pytest.raises(DataError, match="cursor 'at' is text, which sorts otherwise than numbers"):
        orders(world, schema={"id": Int64, "at": Int64}).run()


def test_a_query(world: Any) -> None:
    create(world)
    insert(world, (1, "a%", 0), (2, "b", 1), (3, "a:b", 2))
    query = """SELECT id, note, orders.at FROM orders WHERE note LIKE 'a%' AND note <> ' :x';"""
    taking = orders(world, query=query, key=["id"])
    assert [row["note"] for row in taking.run()] == ["a%", "a:b"]
    insert(world, (4, "a", 2))
    assert ids(taking.run()) == [4]


def test_times_without_a_zone_are_local(world: Any) -> None:
    create(world)
    insert(world, (1, "winter", 0), (2, "summer", 60 * 24 * 182))
    taking = orders(world, timezone="Europe/Berlin", overlap="1h")
    assert [row["at"].hour for row in taking.run()] == [23, 22]
    insert(world, (3, "late", 60 * 24 * 182 - 60))
    assert ids(taking.run()) == [3]


def test_the_cursor_may_fall_into_an_hour_that_is_there_twice(world: Any) -> None:
    create(world)
    minute = (datetime(2024, 10, 27, 2, 30, tzinfo=UTC) - START) // timedelta(minutes=1)
    insert(world, (1, "a", minute), (2, "a", minute + 45))
    taking = orders(world, timezone="Europe/Berlin", overlap="1h")
    taking.run()
    insert(world, (3, "late", minute + 1))
    assert ids(taking.run()) == [3]


def test_a_wrong_table_or_column(world: Any) -> None:
    create(world)
    with pytest.raises(NotFound, match=r"no table 'ordres'; did you mean 'orders'\?"):
        orders(world, table="ordres").run()
    with pytest.raises(DataError, match=r"has no column 'note_'; did you mean 'note'\?"):
        orders(world, schema={"id": Int64, "note_": String, "at": Timestamp}).run()


def test_a_wrong_query(world: Any) -> None:
    create(world)
    with pytest.raises(DataError, match=r"source 'orders': query of .*nope"):
        orders(world, query="SELECT nope FROM orders", key=["id"]).run()


def test_a_snapshot_does_not_go_on_by_a_cursor(sqlite: Any) -> None:
    create(sqlite)
    taking = orders(sqlite)
    taking.cursor = {"known_at": "2024-01-01T00:00:00+00:00", "rejected": []}
    with pytest.raises(DefinitionError, match=r"read by comparing snapshots until now, .* another name"):
        taking.run()


def test_a_table_without_primary_key(world: Any) -> None:
    create(world, 'id BIGINT, note VARCHAR(10), "at" TIMESTAMP')
    with pytest.raises(DefinitionError, match=r"no primary key; give key="):
        orders(world).run()
    insert(world, (1, "same", 0), (1, "same", 0), (1, "same", 0))
    taking = orders(world, key=["id", "note"], memory=1)
    taking.run(batches=2)
    assert ids(taking.run()) == [1]


def test_new_columns_come_where_the_contract_asks(world: Any) -> None:
    create(world)
    insert(world, (1, "a", 0))
    source = Source(
        "orders",
        reader=Sql(world.address, table="orders", cursor="at"),
        schema={"id": Int64, "at": Timestamp},
        known_since="2020-01-01",
        contract=Contract(new_columns="evolve"),
    )
    assert [row["note"] for row in Taking(source).run()] == ["a"]


def test_columns_that_are_not_read_are_told(world: Any) -> None:
    create(world)
    insert(world, (1, "a", 0))
    [batch] = orders(world, schema={"id": Int64, "at": Timestamp}).batches()
    assert (batch.rows["id"].to_pylist(), batch.ignored) == ([1], {"note"})


MINUTES = st.integers(0, 12)


@settings(max_examples=40, suppress_health_check=list(HealthCheck))
@given(data=st.data(), overlap=st.sampled_from([None, "2m", "5m"]))
def test_every_row_that_can_be_seen_comes_once(
    data: st.DataObject, overlap: str | None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Against a plain account: a row is taken by the first run that reaches it, and never again."""
    world = make_world("sqlite", tmp_path_factory.mktemp("sql"), None)
    create(world, "id INTEGER PRIMARY KEY, note TEXT, at TEXT")
    schema = {"id": Int64, "note": Int64, "at": Timestamp}
    taking = orders(world, schema=schema, overlap=overlap, memory=data.draw(st.sampled_from([1, 200, 10**6])))
    expected, waiting = Counter[int](), dict[int, int | None]()
    last, reach = None, int((overlap or "0")[0])
    for number in range(data.draw(st.integers(1, 5))):
        drawn = data.draw(st.lists(st.tuples(st.sampled_from(["7", "bad"]), st.none() | MINUTES), max_size=8))
        rows = [(number * 10 + place, *row) for place, row in enumerate(drawn)]
        insert(world, *rows)
        waiting |= {key: minute for key, _, minute in rows}
        taking.run(batches=data.draw(st.integers(1, 3)))
        taking.run()
        low = None if last is None else last - reach
        seen = {key for key, minute in waiting.items() if minute is None or low is None or minute >= low}
        expected.update(seen)
        last = max((minute for minute in [last, *map(waiting.get, seen)] if minute is not None), default=None)
        waiting = {key: minute for key, minute in waiting.items() if key not in seen}
    came = Counter([*ids(taking.rows), *(json.loads(row["raw"])["id"] for row in taking.rejected)])
    assert came == expected
    assert not taking.pending()


def test_types_of_postgresql(server: Any) -> None:
    """Each value as it stands in the database: exactly, or in PostgreSQL's own words."""
    server.do(
        """CREATE TABLE orders AS SELECT 1 AS id, 12.50::numeric(10,2) AS amount, 12.00::numeric AS whole,
        'NaN'::numeric AS none, '{"a": 1}'::jsonb AS doc, '{"b":2}'::json AS raw, true AS flag,
        0.1::float8 AS share, 'f47ac10b-58cc-4372-a567-0e02b2c3d479'::uuid AS token,
        '\\xff00'::bytea AS bytes, '2024-02-29'::date AS day, '10:00'::time AS hour,
        '1 day'::interval AS wait, '1.2.3.4'::inet AS ip, '12.5'::money AS price,
        '2024-01-01 10:00'::timestamp AS local, '2024-01-01 10:00+02'::timestamptz AS at,
        12345678901234567890.123456789::numeric AS long"""
    )
    schema = {
        "id": Int64, "amount": Decimal(10, 2), "whole": Int64, "none": Decimal(10, 2), "doc": String,
        "raw": String, "flag": Bool, "share": Float64, "token": String, "bytes": Bytes, "day": Date,
        "hour": String, "wait": String, "ip": String, "price": String, "local": Timestamp, "at": Timestamp,
        "long": Decimal(38, 9),
    }  # fmt: skip
    (row,) = orders(server, schema=schema, key=["id"], timezone="Europe/Berlin").run()
    assert row == {
        "id": 1, "amount": D("12.50"), "whole": 12, "none": None, "doc": '{"a": 1}', "raw": '{"b":2}',
        "flag": True, "share": 0.1, "token": "f47ac10b-58cc-4372-a567-0e02b2c3d479", "bytes": b"\xff\x00",
        "day": date(2024, 2, 29), "hour": "10:00:00", "wait": "1 day", "ip": "1.2.3.4/32", "price": "$12.50",
        "local": datetime(2024, 1, 1, 9, tzinfo=UTC), "at": datetime(2024, 1, 1, 8, tzinfo=UTC),
        "long": D("12345678901234567890.123456789"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("column", "dtype", "message"),
    [
        ("integer[]", String, "is an array"),
        ("inet", Int64, "declare it String"),
        ("money", Float64, "declare it String"),
        ("boolean", Timestamp, "can't be read as timestamp"),
    ],
)
def test_types_that_can_not_be_read(server: Any, column: str, dtype: DType, message: str) -> None:
    server.do(f"CREATE TABLE orders (id int PRIMARY KEY, at timestamptz, x {column})")
    server.do("INSERT INTO orders VALUES (1, '2024-01-01', NULL)")
    with pytest.raises(DataError, match=f"column 'x'.*{message}"):
        orders(server, schema={"id": Int64, "at": Timestamp, "x": dtype}).run()


def test_an_array_through_sqlalchemy(postgres: str, tmp_path: Path) -> None:
    world = make_world("postgresql+psycopg", tmp_path, postgres)
    world.do("CREATE TABLE orders AS SELECT 1 AS id, now() AS at, array[1] AS x")
    with pytest.raises(DataError, match="column 'x' is an array"):
        orders(world, schema={"id": Int64, "at": Timestamp, "x": String}, key=["id"]).run()


def test_infinite_times_go_to_quarantine(server: Any) -> None:
    create(server, "id int PRIMARY KEY, note date, at timestamptz")
    server.do("INSERT INTO orders VALUES (1, '2024-01-01', '-infinity'), (2, 'infinity', '2024-01-01')")
    server.do("INSERT INTO orders VALUES (3, '2024-01-01', '2024-01-01'), (4, '2024-01-01', 'infinity')")
    taking = orders(server, schema={"id": Int64, "note": Date, "at": Timestamp}, overlap="1h")
    assert ids(taking.run()) == [3]
    server.do("INSERT INTO orders VALUES (5, '2024-01-01', '2024-01-02')")
    assert ids(taking.run()) == [5]
    assert sorted(json.loads(row["raw"])["id"] for row in taking.rejected) == [1, 2, 4]


def test_flags_that_are_numbers(sqlite: Any) -> None:
    create(sqlite, "id INTEGER PRIMARY KEY, paid BOOLEAN, at TEXT")
    for number, paid in enumerate(["1", "0", "NULL", "2"]):
        sqlite.do(f"INSERT INTO orders VALUES ({number}, {paid}, '2024-01-01 00:00:00')")
    taking = orders(sqlite, schema={"id": Int64, "paid": Bool, "at": Timestamp})
    assert [row["paid"] for row in taking.run()] == [True, False, None]
    assert [row["reason"] for row in taking.rejected] == ["paid: '2' is not a bool"]


def test_loose_types_of_sqlite(sqlite: Any) -> None:
    """A column of SQLite holds whatever was put there, first nulls, then numbers, then text."""
    create(sqlite, "id INTEGER PRIMARY KEY, x, y, z, at")
    sqlite.do(
        "INSERT INTO orders SELECT value, NULL, value, x'00ff', '2024-01-01 00:00:00' "
        "FROM (WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n LIMIT 3000) "
        "SELECT * FROM n)",
        "INSERT INTO orders VALUES (3001, '12.50', 0.1, NULL, '2024-01-01 00:00:00')",
        "INSERT INTO orders VALUES (3002, 12.5, 2.0, x'', '2024-01-01T00:00:01')",
        "INSERT INTO orders VALUES (3003, 'twelve', 1e300, NULL, '2024-01-01T00:00:02Z')",
        "INSERT INTO orders VALUES (3004, 9007199254740993, 0.5, NULL, '2024-01-01T00:00:03Z')",
    )
    schema = {"id": Int64, "x": Decimal(20, 2), "y": Float64, "z": Bytes, "at": Timestamp}
    taking = orders(sqlite, schema=schema)
    rows = {row["id"]: row for row in taking.run()}
    assert (rows[1]["x"], rows[1]["y"], rows[1]["z"]) == (None, 1.0, b"\x00\xff")
    assert [rows[number]["x"] for number in (3001, 3002, 3004)] == [D("12.50"), D("12.50"), D(2**53 + 1)]
    assert [rows[number]["y"] for number in (3001, 3002, 3004)] == [0.1, 2.0, 0.5]
    assert [row["reason"] for row in taking.rejected] == ["x: 'twelve' is not a decimal(20,2)"]


def test_a_text_that_is_no_time_does_not_move_the_cursor(sqlite: Any) -> None:
    create(sqlite, "id INTEGER PRIMARY KEY, at TEXT")
    sqlite.do("INSERT INTO orders VALUES (1, '2024-01-01 10:00:00'), (2, 'some day')")
    taking = orders(sqlite, schema={"id": Int64, "at": Timestamp}, overlap="1h")
    assert ids(taking.run()) == [1]
    sqlite.do(
        "INSERT INTO orders VALUES (3, '2024-01-01T09:00:00'), (4, '2024-01-01 08:59:59')",
        "INSERT INTO orders VALUES (5, '2024-01-02?'), (6, '2024-01-01 09:00:00.5Z')",
    )
    assert ids(taking.run()) == [6, 3]
    assert [json.loads(row["raw"])["id"] for row in taking.rejected] == [2, 5]


def test_bytes_of_sqlite_that_are_no_text(sqlite: Any) -> None:
    create(sqlite, "id INTEGER PRIMARY KEY, note TEXT, at TEXT")
    sqlite.do("INSERT INTO orders VALUES (1, CAST(x'61ff' AS TEXT), '2024-01-01'), (2, 'b', '2024-01-01')")
    taking = orders(sqlite)
    assert ids(taking.run()) == [2]
    assert taking.rejected[0]["reason"] == "note: holds bytes that are no UTF-8"


def test_nobody_answers() -> None:
    with pytest.raises(
        DataError, match=r"source 'orders': orders of postgresql://127.*refused; is the server"
    ):
        orders(WORLD["World"]("postgresql://127.0.0.1:1/shop")).run()


@pytest.mark.parametrize("kind", ["sqlite", "duckdb"])
def test_a_file_that_is_not_there_is_not_made(kind: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"source 'orders': orders of .*shop"):
        orders(make_world(kind, tmp_path, None)).run()
    assert list(tmp_path.iterdir()) == []


def test_secrets_come_from_the_environment(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    create(server)
    insert(server, (1, "a", 0))
    host = server.address.rpartition("@")[2]
    server.do("CREATE ROLE reader LOGIN PASSWORD 'p@ss:w/rd'") if not _has_role(server) else None
    server.do("GRANT SELECT ON orders TO reader")
    server.address = f"postgresql://${{SHOP_USER}}:${{SHOP_PASSWORD}}@{host}"
    with pytest.raises(NotFound, match="the environment has no SHOP_USER"):
        orders(server).run()
    monkeypatch.setenv("SHOP_USER", "reader")
    monkeypatch.setenv("SHOP_PASSWORD", "p@ss:w/rd")
    assert ids(orders(server).run()) == [1]
    server.do("REVOKE SELECT ON orders FROM reader")
    with pytest.raises(DataError, match=r"permission denied for table orders; .*GRANT SELECT") as refused:
        orders(server).run()
    assert "p@ss" not in str(refused.value)


def _has_role(server: Any) -> bool:
    with server.engine.connect() as connection:
        return bool(connection.exec_driver_sql("SELECT 1 FROM pg_roles WHERE rolname = 'reader'").fetchall())


def many(server: Any, rows: int) -> None:
    """Rows of a kilobyte each, more together than what is on its way between server and client."""
    create(server, "id bigint PRIMARY KEY, note text, at timestamp")
    server.do(
        "INSERT INTO orders SELECT i, repeat(md5(i::text), 30), date '2024-01-01' + i / 7 * interval '1s' "
        f"FROM generate_series(1, {rows}) i"
    )


def cut_off(server: Any) -> None:
    """Ends every connection to the database but the one that says so."""
    server.do(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )


@pytest.mark.parametrize("kind", ["postgresql", "postgresql+psycopg"])
def test_a_database_that_goes_away_half_way(kind: str, postgres: str, tmp_path: Path) -> None:
    world = make_world(kind, tmp_path, postgres)
    many(world, 60_000)
    taking = orders(world, memory=200_000, overlap="1h")
    reading = taking.batches()
    for _ in range(3):
        taking.commit([next(reading)])
    cut_off(world)
    with pytest.raises(DataError, match=r"source 'orders': orders of .*; run again: it goes on"):
        taking.commit_each(reading)
    assert 0 < len(taking.rows) < 60_000
    taking.run()
    assert ids(taking.rows) == list(range(1, 60_001))


DEFINITIONS = """
from asof import *

orders = Source(
    "orders",
    reader=Sql("{address}", table="orders", cursor="at", overlap={overlap!r}),
    schema={{"id": Int64, "note": String, "at": Timestamp}},
    event_time="at",
)
"""


def project_of(server: Any, folder: Path, overlap: str | None = "1h") -> Project:
    folder.mkdir()
    settings = 'name = "shop"\ndefinitions = "definitions.py"\nmemory = "8MB"\n'
    (folder / "asof.toml").write_text(settings)
    (folder / "definitions.py").write_text(DEFINITIONS.format(address=server.address, overlap=overlap))
    project = Project.open(str(folder))
    project.apply()
    return project


def test_a_project_ends_as_if_the_database_had_not_gone_away(server: Any, tmp_path: Path) -> None:
    many(server, 60_000)
    lines = []

    def report(line: str) -> None:
        lines.append(line)
        if line.startswith("ingest orders: ") and len(lines) == 1:
            cut_off(server)

    with project_of(server, tmp_path / "undisturbed") as project:
        project.run()
        expected = project.workspace.read("raw/orders")
    with project_of(server, tmp_path / "disturbed") as project:
        with pytest.raises(DataError, match="source 'orders': orders of"):
            project.run(report=report)
        assert 0 < project.workspace.current("raw/orders").rows < 60_000
        project.run()
        found = project.workspace.read("raw/orders")
        assert sum(step.rows_read for run in project.runs() for step in ingested(project, run.id)) == 60_000
    assert fingerprint(found) == fingerprint(expected)


@pytest.mark.parametrize(("overlap", "late"), [("1h", [5, 6]), (None, [6])])
def test_of_what_was_taken_only_the_overlap_is_read(
    sqlite: Any, tmp_path: Path, overlap: str | None, late: list[int]
) -> None:
    create(sqlite)
    with project_of(sqlite, tmp_path / "shop", overlap) as project:
        insert(sqlite, (1, "a", 0), (2, "b", 1))
        project.run()
        [old] = tmp_path.glob("shop/**/raw/orders/*.parquet")
        insert(sqlite, (3, "c", 600), (4, "d", 601))
        project.run()
        insert(sqlite, (5, "late", 590), (6, "tie", 601), (7, "e", 602))
        old.rename(tmp_path / old.name)
        project.run()
        (tmp_path / old.name).rename(old)
        rows = project.workspace.read("raw/orders").to_pylist()
    assert sorted(ids(rows)) == sorted([1, 2, 3, 4, *late, 7])


def test_a_changed_definition_keeps_what_was_taken(server: Any, tmp_path: Path) -> None:
    create(server)
    insert(server, (1, "7", 0), (2, "seven", 1), (3, "8", 2))
    project_of(server, tmp_path / "shop").close()
    path = tmp_path / "shop/definitions.py"
    path.write_text(path.read_text().replace('"note": String', '"note": Int64'))
    with Project.open(str(tmp_path / "shop")) as project:
        project.apply()
        project.run()
        assert project.workspace.read("raw/orders")["note"].to_pylist() == [7, 8]
        assert project.workspace.read("quarantine/orders").num_rows == 1
    server.do("DELETE FROM orders WHERE id = 1")
    path.write_text(path.read_text().replace('"note": Int64', '"note": String'))
    with Project.open(str(tmp_path / "shop")) as project:
        project.apply()
        project.run()
        assert sorted(project.workspace.read("raw/orders")["note"].to_pylist()) == ["7", "8", "seven"]
        assert project.plan().empty
        insert(server, (4, "nine", 2))
        project.run()
        assert project.workspace.read("raw/orders").num_rows == 4


def ingested(project: Project, run: str) -> list[Step]:
    return [step for step in project.steps(run) if step.name == "ingest orders"]


def test_a_reading_sees_one_moment(server: Any) -> None:
    create(server)
    insert(server, *((number, "x" * 50, number) for number in range(5_000)))
    taking = orders(server, memory=20_000)
    reading = taking.batches()
    taking.commit([next(reading)])
    server.do("UPDATE orders SET note = 'y', at = at + interval '1 hour'")
    insert(server, (9_999, "y", 9_000))
    taking.commit_each(reading)
    assert {row["note"] for row in taking.rows} == {"x" * 50}
    assert ids(taking.rows) == list(range(5_000))


WRONG: list[tuple[Callable[[], Sql], str]] = [
    (lambda: Sql("shop.db", table="orders", cursor="at"), "is no URL"),
    (lambda: Sql("sqlite:///shop.db", cursor="at"), "give either table"),
    (lambda: Sql("sqlite:///shop.db", table="a", query="b", cursor="at"), "give either table"),
    (lambda: Sql("sqlite:///shop.db", table="orders"), "give either cursor"),
    (lambda: Sql("sqlite:///shop.db", query="SELECT 1", cursor="at"), "a query has no primary key"),
    (lambda: Sql("sqlite:///shop.db", table="a", cursor="at", overlap="1x"), "overlap '1x'"),
    (lambda: Sql("sqlite:///shop.db", table="a", cursor="at", overlap=-1), "overlap -1"),
    (lambda: Sql("pg://u:secret@h/shop", table=""), r"pg://u:\*\*\*@h/shop.*table is empty"),
]


@pytest.mark.parametrize(("make", "message"), WRONG, ids=[message for _, message in WRONG])
def test_wrong_definitions(make: Callable[[], Sql], message: str) -> None:
    with pytest.raises(DefinitionError, match=message):
        make()


@pytest.mark.parametrize(
    ("reader", "message"),
    [
        ({"cursor": "att"}, r"cursor 'att' is not a column; did you mean 'at'\?"),
        ({"key": ["idd"]}, r"key 'idd' is not a column; did you mean 'id'\?"),
        ({"overlap": 5}, "overlap '5' can't be taken from cursor 'at', which is Timestamp"),
    ],
)
def test_a_reader_that_does_not_fit_its_schema(reader: dict[str, Any], message: str) -> None:
    with pytest.raises(DefinitionError, match=message):
        orders(WORLD["World"]("sqlite:///shop.db"), **reader)


def test_an_unknown_database() -> None:
    with pytest.raises(DefinitionError, match="SQLAlchemy knows no database 'postgers'"):
        orders(WORLD["World"]("postgers://host/shop")).run()
    with pytest.raises(NotFound, match="needs the package 'oracledb': pip install it"):
        orders(WORLD["World"]("oracle+oracledb://host/shop")).run()


def test_a_missing_driver_that_has_an_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pymysql", None)
    with pytest.raises(MissingExtra, match=r"pip install 'asof\[mysql\]'"):
        orders(WORLD["World"]("mysql+pymysql://host/shop")).run()
