"""DuckDB, which gives its rows as Arrow."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import duckdb
import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from asof.ingest.sql.database import fault
from asof.ingest.sql.statements import written

_TABLES = """
SELECT CASE WHEN schema_name = 'main' THEN name ELSE schema_name || '.' || name END FROM (
    SELECT schema_name, table_name AS name FROM duckdb_tables() UNION ALL
    SELECT schema_name, view_name FROM duckdb_views() WHERE NOT internal)
"""
_KEY = """
SELECT unnest(constraint_column_names) FROM duckdb_constraints()
WHERE constraint_type = 'PRIMARY KEY' AND schema_name = ? AND table_name = ?
"""
_ROW = 1_000  # bytes that a row is taken to have, of which only its number can be asked for


class _Quoted(postgresql.base.PGIdentifierPreparer):
    """Names in quotes, since DuckDB has reserved words of its own."""

    def _requires_quotes(self, value: str) -> bool:
        return True


class _Dialect(postgresql.dialect):  # type: ignore[misc,valid-type]
    preparer = _Quoted


_DIALECT = _Dialect(paramstyle="named")


@contextmanager
def duck(url: sa.URL, owner: str) -> Iterator[Duck]:
    """A transaction on a file that is there already."""
    with _faults(owner):
        connection = duckdb.connect(url.database or ":memory:", read_only=True)
    try:
        connection.execute("BEGIN TRANSACTION READ ONLY")
        yield Duck(connection, owner)
    finally:
        connection.close()


class Duck:
    """A DuckDB database."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, owner: str) -> None:
        self._connection = connection
        self._owner = owner

    def tables(self) -> list[str]:
        return [name for (name,) in self._connection.execute(_TABLES).fetchall()]

    def key(self, table: str) -> list[str]:
        schema, _, name = table.rpartition(".")
        found = self._connection.execute(_KEY, [schema or "main", name])
        return [column for (column,) in found.fetchall()]

    def columns(self, no_rows: sa.Select[Any]) -> pa.Schema:
        with _faults(self._owner):
            return self._connection.sql(written(no_rows, _DIALECT)).to_arrow_table().schema

    def selected(self, column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        return column

    def literal(self, kind: str, text: str) -> sa.ColumnElement[Any]:
        """The text, which DuckDB reads as a value of the type that it is compared with."""
        return sa.literal(text)

    def rows(self, statement: sa.Select[Any], memory: int) -> Iterator[pa.Table]:
        size = min(max(memory // _ROW, 1), 1 << 14)
        with (
            _faults(self._owner),
            self._connection.sql(written(statement, _DIALECT)).to_arrow_reader(size) as rows,
        ):
            for batch in rows:
                yield pa.Table.from_batches([batch])


@contextmanager
def _faults(owner: str) -> Iterator[None]:
    try:
        yield
    except (duckdb.Error, pa.ArrowException, OSError) as error:
        raise fault(owner, error) from error
