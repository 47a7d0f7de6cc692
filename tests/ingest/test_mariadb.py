"""What MariaDB does otherwise than databases of ADBC: its types, its clock, its words."""

from __future__ import annotations

import gc
import json
from datetime import UTC, date, datetime
from decimal import Decimal as D
from typing import Any

import pytest
from tests.ingest.sql_world import Maria, Taking, World

from asof.errors import DataError
from asof.features.readers import Sql
from asof.features.source import Source
from asof.features.types import Bool, Bytes, Date, Decimal, DType, Float64, Int64, String, Timestamp

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("mariadb")]


@pytest.fixture
def world(mariadb: str) -> World:
    return Maria(mariadb)


def orders(world: World, schema: dict[str, DType], timezone: str = "Europe/Berlin", **reader: Any) -> Taking:
    reader = {"table": "orders", "cursor": "at", **reader}
    source = Source(
        "orders",
        reader=Sql(world.address, **reader),
        schema=schema,
        known_since="2020-01-01",
        timezone=timezone,
    )
    return Taking(source)


def test_types(world: World) -> None:
    """Each value as it stands in the database: exactly, or in the driver's own words."""
    world.do(
        """CREATE TABLE orders (id INT UNSIGNED PRIMARY KEY, amount DECIMAL(10, 2), flag BOOLEAN, bits BIT(1),
        wide BIT(20), share DOUBLE, doc JSON, kind ENUM('a', 'b'), tags SET('x', 'y'), bytes VARBINARY(4),
        note TEXT, day DATE, hour TIME, year YEAR, token UUID, "at" DATETIME(6))""",
        """INSERT INTO orders VALUES (4294967295, 12.50, true, b'1', b'10000000000000000001', 0.1, '{"a": 1}',
        'b', 'x,y', x'ff00', 'mug é 😀', '2024-02-29', '10:00:00', 2024,
        'f47ac10b-58cc-4372-a567-0e02b2c3d479', '2024-01-01 10:00:00.123456')""",
    )
    schema = {
        "id": Int64, "amount": Decimal(10, 2), "flag": Bool, "bits": Bool, "wide": Int64, "share": Float64,
        "doc": String, "kind": String, "tags": String, "bytes": Bytes, "note": String, "day": Date,
        "hour": String, "year": Int64, "token": String, "at": Timestamp,
    }  # fmt: skip
    (row,) = orders(world, schema).run()
    assert row == {
        "id": 4294967295, "amount": D("12.50"), "flag": True, "bits": True, "wide": 524289, "share": 0.1,
        "doc": '{"a": 1}', "kind": "b", "tags": "x,y", "bytes": b"\xff\x00", "note": "mug é 😀",
        "day": date(2024, 2, 29), "hour": "10:00:00", "year": 2024,
        "token": "f47ac10b-58cc-4372-a567-0e02b2c3d479",
        "at": datetime(2024, 1, 1, 9, 0, 0, 123456, tzinfo=UTC),
    }  # fmt: skip


def test_a_timestamp_is_a_moment_whatever_the_clocks(world: World) -> None:
    """A TIMESTAMP is one, though a session shows it as local; a DATETIME is local, of the source's zone."""
    world.do(
        'CREATE TABLE orders (id INT PRIMARY KEY, "at" TIMESTAMP(6) NULL, local DATETIME)',
        "SET time_zone = '+09:00'",
        "INSERT INTO orders VALUES (1, '2024-07-01 19:00:00', '2024-07-01 19:00:00')",
    )
    schema = {"id": Int64, "at": Timestamp, "local": Timestamp}
    taking = orders(world, schema, overlap="1h")
    (row,) = taking.run()
    assert row["at"] == datetime(2024, 7, 1, 10, tzinfo=UTC)
    assert row["local"] == datetime(2024, 7, 1, 17, tzinfo=UTC)
    world.do("INSERT INTO orders VALUES (2, '2024-07-01 09:30:00', NULL), (3, '2024-07-01 08:59:59', NULL)")
    assert [row["id"] for row in taking.run()] == [2]
    assert not taking.pending()


def test_a_day_that_no_calendar_has_goes_to_quarantine(world: World) -> None:
    world.do(
        'CREATE TABLE orders (id INT PRIMARY KEY, day DATE, "at" DATETIME)',
        "SET sql_mode = ''",
        "INSERT INTO orders VALUES (1, '2024-01-01', '2024-01-01'), (2, '0000-00-00', '2024-01-02')",
        "INSERT INTO orders VALUES (3, '2024-01-03', '0000-00-00 00:00:00')",
    )
    taking = orders(world, {"id": Int64, "day": Date, "at": Timestamp})
    assert [row["id"] for row in taking.run()] == [1]
    assert sorted(json.loads(row["raw"])["id"] for row in taking.rejected) == [2, 3]
    assert taking.run() == []


def test_a_table_of_another_database(world: World) -> None:
    world.do('CREATE TABLE orders (id INT PRIMARY KEY, "at" DATETIME)')
    world.do("INSERT INTO orders VALUES (1, '2024-01-01')")
    server, _, name = world.address.rpartition("/")
    other = World(f"{server}/information_schema")
    assert len(orders(other, {"id": Int64, "at": Timestamp}, table=f"{name}.orders").run()) == 1


def test_what_it_says_when_it_refuses(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.do(
        'CREATE TABLE orders (id INT PRIMARY KEY, "at" DATETIME)',
        "CREATE OR REPLACE USER reader IDENTIFIED BY 'p@ss:w/rd'",
        "GRANT SELECT ON orders TO reader",
    )
    world.address = world.address.replace("root@", "reader:${SHOP_PASSWORD}@")
    schema: dict[str, DType] = {"id": Int64, "at": Timestamp}
    monkeypatch.setenv("SHOP_PASSWORD", "wrong")
    with pytest.raises(DataError, match=r"orders of mysql.*: Access denied for user .*; check the user"):
        orders(world, schema).run()
    monkeypatch.setenv("SHOP_PASSWORD", "p@ss:w/rd")
    assert orders(world, schema).run() == []
    world.do("REVOKE SELECT ON orders FROM reader", "GRANT DELETE ON orders TO reader")
    with pytest.raises(DataError, match=r"SELECT command denied to user .*; .*GRANT SELECT") as refused:
        orders(world, schema).run()
    assert "p@ss" not in str(refused.value)


def test_a_server_that_cuts_the_connection_half_way(world: World) -> None:
    world.do(
        'CREATE TABLE orders (id INT PRIMARY KEY, note TEXT, "at" DATETIME)',
        "INSERT INTO orders SELECT seq, repeat(md5(seq), 30), '2024-01-01' + INTERVAL seq DIV 7 SECOND "
        "FROM seq_1_to_60000",
    )
    taking = orders(world, {"id": Int64, "note": String, "at": Timestamp}, overlap="1h")
    taking.memory = 200_000
    reading = taking.batches()
    for _ in range(3):
        taking.commit([next(reading)])
    cut_off(world)
    with pytest.raises(DataError, match=r"orders of mysql.*Lost connection.*; run again: it goes on"):
        taking.commit_each(reading)
    gc.collect()
    assert 0 < len(taking.rows) < 60_000
    taking.run()
    assert [row["id"] for row in taking.rows] == list(range(1, 60_001))


def cut_off(world: Any) -> None:
    """Ends every connection to the database but the one that says so."""
    with world.engine.connect() as connection:
        found = connection.exec_driver_sql(
            "SELECT id FROM information_schema.processlist WHERE db = database() AND id <> connection_id()"
        )
        for (number,) in found.fetchall():
            connection.exec_driver_sql(f"KILL {number}")


def test_nobody_answers() -> None:
    world = World("mysql+pymysql://127.0.0.1:1/shop")
    with pytest.raises(DataError, match=r"orders of mysql\+pymysql://127.*refused.*; is the server running"):
        orders(world, {"id": Int64, "at": Timestamp}).run()
