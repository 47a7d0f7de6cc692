"""Any other database, through SQLAlchemy and its driver: rows are fetched from a cursor on the server."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from asof.errors import DataError, DefinitionError, MissingExtra, NotFound
from asof.features.readers.sql import masked
from asof.ingest.sql import mysql
from asof.ingest.sql.database import fault
from asof.ingest.values.python import column

_LEVEL = "REPEATABLE READ"
_ROW = 1_000  # bytes that a row is taken to have, of which only its number can be asked for
_PLAIN = (bool, int, float, Decimal, str, bytes, memoryview, date, dict)
_EXTRAS: dict[str | None, str] = {"pymysql": "mysql"}
_VALUES: dict[str, Callable[[str], object]] = {
    "integer": int,
    "float": float,
    "decimal": Decimal,
    "timestamp": datetime.fromisoformat,
    "date": date.fromisoformat,
    "text": str,
}


@contextmanager
def alchemy(url: sa.URL, owner: str) -> Iterator[Alchemy]:
    """A transaction of level REPEATABLE READ where the database has it; else each answer is consistent."""
    engine = _engine(url, owner)
    try:
        with _faults(owner):
            connection = engine.connect()
        with connection:
            yield Alchemy(mysql.in_utc(_repeatable(connection)), owner)
    finally:
        engine.dispose()


class Alchemy:
    """A database that SQLAlchemy knows."""

    def __init__(self, connection: sa.Connection, owner: str) -> None:
        self._connection = connection
        self._owner = owner

    def tables(self) -> list[str]:
        inspector = sa.inspect(self._connection)
        default = inspector.default_schema_name
        names = []
        for schema in inspector.get_schema_names():
            found = [*inspector.get_table_names(schema), *inspector.get_view_names(schema)]
            names += found if schema == default else [f"{schema}.{name}" for name in found]
        return names

    def key(self, table: str) -> list[str]:
        schema, _, name = table.rpartition(".")
        return list(
            sa.inspect(self._connection).get_pk_constraint(name, schema or None)["constrained_columns"]
        )

    def columns(self, no_rows: sa.Select[Any]) -> pa.Schema:
        with _faults(self._owner):
            names = list(self._connection.execute(no_rows).keys())
        return pa.schema([(name, pa.null()) for name in names])

    def selected(self, column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        return column

    def literal(self, kind: str, text: str) -> sa.ColumnElement[Any]:
        return sa.literal(_VALUES[kind](text))

    def rows(self, statement: sa.Select[Any], memory: int) -> Iterator[pa.Table]:
        size = min(max(memory // _ROW, 1), 1 << 14)
        streamed = self._connection.execution_options(stream_results=True, max_row_buffer=size)
        with _faults(self._owner), streamed.execute(statement) as answer:
            names, exactly = list(answer.keys()), mysql.exactly(answer)
            for rows in _partitions(answer, size):
                columns = dict(zip(names, zip(*rows, strict=True), strict=True))
                columns |= {name: list(map(exact, columns[name])) for name, exact in exactly.items()}
                yield pa.table({name: _column(name, values) for name, values in columns.items()})


def _partitions(answer: sa.CursorResult[Any], size: int) -> Iterator[Sequence[sa.Row[Any]]]:
    try:
        yield from answer.partitions(size)
    except sa.exc.DBAPIError:
        mysql.let_go(answer)
        raise


def _column(name: str, values: Sequence[object]) -> pa.Array:
    first = next((value for value in values if value is not None), None)
    if isinstance(first, list | tuple):
        raise DataError(
            f"column {name!r} is an array; take its parts apart in a query, or cast it to text there"
        )
    if isinstance(first, _PLAIN) or first is None:
        return column(values)
    return column([None if value is None else str(value) for value in values])


def _engine(url: sa.URL, owner: str) -> sa.Engine:
    try:
        return sa.create_engine(url, poolclass=sa.NullPool)
    except sa.exc.NoSuchModuleError:
        raise DefinitionError(
            f"{owner}: SQLAlchemy knows no database {url.drivername!r}; "
            "as in postgresql, sqlite, duckdb, or 'mysql+pymysql' with the package that brings it"
        ) from None
    except ImportError as error:
        if error.name in _EXTRAS:
            raise MissingExtra(f"reading {masked(url.drivername)}://", _EXTRAS[error.name]) from None
        raise NotFound(
            f"{owner}: {masked(url.drivername)} needs the package {error.name!r}: pip install it"
        ) from None


def _repeatable(connection: sa.Connection) -> sa.Connection:
    driver = connection.connection.dbapi_connection
    assert driver is not None
    if _LEVEL in connection.dialect.get_isolation_level_values(driver):
        return connection.execution_options(isolation_level=_LEVEL)
    return connection


@contextmanager
def _faults(owner: str) -> Iterator[None]:
    try:
        yield
    except sa.exc.SQLAlchemyError as error:
        raise fault(owner, getattr(error, "orig", None) or error) from error
