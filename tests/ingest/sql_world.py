"""Databases for tests, and what a project does with a connector's batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pytest
import sqlalchemy as sa

from asof.features.source import Source
from asof.ingest.batch import Batch
from asof.ingest.connector import open_connector
from asof.ingest.place import Place


class World:
    """A database outside: `address` is what a reader gets, `time` the type of a time without a zone."""

    time = "TIMESTAMP"

    def __init__(self, address: str) -> None:
        self.address = address

    def do(self, *commands: str) -> None:
        raise NotImplementedError


class Duck(World):
    """A DuckDB file; it is open only for a moment, since no other process could read it."""

    def do(self, *commands: str) -> None:
        with duckdb.connect(self.address.removeprefix("duckdb:///")) as connection:
            for command in commands:
                connection.execute(command)


class Alchemist(World):
    """Whatever SQLAlchemy writes to."""

    def __init__(self, address: str, url: str, **options: Any) -> None:
        super().__init__(address)
        self.engine = sa.create_engine(url, poolclass=sa.NullPool, **options)

    def do(self, *commands: str) -> None:
        with self.engine.begin() as connection:
            for command in commands:
                connection.exec_driver_sql(command, execution_options={"no_parameters": True})


class Maria(Alchemist):
    """A database of MariaDB, which is written to with names quoted as in the standard."""

    time = "DATETIME(6)"

    def __init__(self, url: str) -> None:
        quoted = "SET SESSION sql_mode = concat(@@sql_mode, ',ANSI_QUOTES'), time_zone = '+00:00'"
        super().__init__(url, url, connect_args={"init_command": quoted})


KINDS = [
    "postgresql",
    "sqlite",
    "duckdb",
    "postgresql+psycopg",
    pytest.param("mysql+pymysql", marks=[pytest.mark.slow, pytest.mark.xdist_group("mariadb")]),
]


def world_of(request: pytest.FixtureRequest, folder: Path) -> World:
    """The empty world of the kind that a test asks for."""
    if request.param.startswith("mysql"):
        return Maria(request.getfixturevalue("mariadb"))
    postgres = request.getfixturevalue("postgres") if "postgres" in request.param else None
    return world(request.param, folder, postgres)


def world(kind: str, folder: Path, postgres: str | None) -> World:
    if kind == "sqlite":
        return Alchemist(f"sqlite:///{folder}/shop.db", f"sqlite:///{folder}/shop.db")
    if kind == "duckdb":
        return Duck(f"duckdb:///{folder}/shop.duckdb")
    assert postgres is not None
    address = postgres.replace("+psycopg", "") if kind == "postgresql" else postgres
    return Alchemist(address, postgres)


@dataclass
class Taking:
    """A raw table: what was taken in, and the cursor that was committed with it."""

    source: Source
    memory: int = 64 << 20
    tables: list[pa.Table] = field(default_factory=list)
    rejected: list[dict[str, Any]] = field(default_factory=list)
    cursor: dict[str, Any] | None = None

    def batches(self) -> Iterator[Batch]:
        place = Place(".", taken=self.taken, memory=self.memory)
        return open_connector(self.source, place).batches(self.cursor)

    def pending(self) -> list[str]:
        place = Place(".", taken=self.taken, memory=self.memory)
        return open_connector(self.source, place).pending(self.cursor)

    def taken(self, columns: Sequence[str], where: pc.Expression | None = None) -> Iterator[pa.RecordBatch]:
        for table in list(self.tables):
            rows = table if where is None else table.filter(where)
            yield from rows.select(list(columns)).to_batches()

    def run(self, batches: int | None = None) -> list[dict[str, Any]]:
        """Take in what is new, or some batches of it before the process dies; what came."""
        before, waiting = len(self.tables), list[Batch]()
        reading = self.batches()
        for number, batch in enumerate(reading, 1):
            assert batch.rows_read == batch.rows.num_rows + batch.rejected.num_rows > 0
            waiting.append(batch)
            if batch.cursor is not None:
                self.commit(waiting)
                waiting = []
            if number == batches:
                break
        reading.close()  # type: ignore[attr-defined]
        assert batches is not None or not waiting, "the last batch has a cursor"
        return [row for table in self.tables[before:] for row in table.to_pylist()]

    def commit(self, batches: list[Batch]) -> None:
        self.tables += [batch.rows for batch in batches]
        self.rejected += [row for batch in batches for row in batch.rejected.to_pylist()]
        self.cursor = batches[-1].cursor

    def commit_each(self, batches: Iterator[Batch]) -> None:
        for batch in batches:
            self.commit([batch])

    @property
    def rows(self) -> list[dict[str, Any]]:
        return [row for table in self.tables for row in table.to_pylist()]
