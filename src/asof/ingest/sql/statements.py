"""What is asked of a database, in the words of its own dialect."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from asof.features.readers.sql import Sql

Expressions = Mapping[str, sa.ColumnElement[Any]]


def relation(reader: Sql, columns: Sequence[str] = ()) -> sa.FromClause:
    """The table or the query that a reader names, with columns of it."""
    named: list[sa.ColumnClause[Any]] = [sa.column(name) for name in columns]
    if reader.table is not None:
        schema, _, table = reader.table.rpartition(".")
        return sa.table(table, *named, schema=schema or None)
    assert reader.query is not None
    query = reader.query.strip().rstrip(";").replace(":", r"\:")
    return sa.text(f"{query}\n").columns(*named).subquery("source_rows")


def no_rows(reader: Sql) -> sa.Select[Any]:
    """All columns of the relation, and no row."""
    return sa.select(sa.literal_column("*")).select_from(relation(reader)).where(sa.literal_column("1 = 0"))


def as_text(column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """A column as the database writes it."""
    return sa.cast(column, sa.Text())


def since(
    rows: sa.Select[Any], column: sa.ColumnElement[Any], low: sa.ColumnElement[Any] | None
) -> sa.Select[Any]:
    """The rows from a value of a column on, and those that have none; all where `low` is None."""
    return rows if low is None else rows.where(sa.or_(column >= low, column.is_(None)))


def written(statement: sa.ClauseElement, dialect: sa.Dialect) -> str:
    """The statement as text that holds all its values."""
    return str(statement.compile(dialect=dialect, compile_kwargs={"literal_binds": True}))
