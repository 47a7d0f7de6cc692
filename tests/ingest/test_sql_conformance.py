from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.ingest.sql_world import KINDS, World, world_of

from asof.features.readers import Sql
from asof.testing import ConnectorTests

COLUMNS = 'id BIGINT PRIMARY KEY, name VARCHAR(100), amount DECIMAL(10, 2), "at" TIMESTAMP NULL'


class OrderedTable:
    """A table whose rows have a time, by which they are read."""

    def __init__(self, world: World) -> None:
        self.world = world
        world.do(f"CREATE TABLE orders ({COLUMNS})")

    @property
    def reader(self) -> Sql:
        return Sql(self.world.address, table="orders", cursor="at")

    def add(self, rows: Sequence[dict[str, Any]]) -> None:
        self.world.do(f"INSERT INTO orders VALUES {', '.join(map(_literals, rows))}")

    def spoil(self) -> bool:
        self.world.do("INSERT INTO orders VALUES (1000000, 'nowhere', 1.00, NULL)")
        return True


def _literals(row: dict[str, Any]) -> str:
    name = "NULL" if row["name"] is None else f"'{row['name']}'"
    amount = "NULL" if row["amount"] is None else row["amount"]
    return f"({row['id']}, {name}, {amount}, '{row['at']:%Y-%m-%d %H:%M:%S}')"


class TestTables(ConnectorTests):
    @pytest.fixture(params=KINDS)
    def outside(self, request: pytest.FixtureRequest, tmp_path: Path) -> OrderedTable:
        return OrderedTable(world_of(request, tmp_path))
