"""What is selected: columns of a table or a query, each so that its values come exactly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.types as pt
import sqlalchemy as sa

from asof.errors import DataError, choices
from asof.features.readers.sql import Sql
from asof.features.source import Source
from asof.features.types import DType, String
from asof.ingest.schema.contract import ignored, kept
from asof.ingest.sql.database import Database
from asof.ingest.sql.statements import as_text, no_rows, relation

Column = sa.ColumnElement[Any]


@dataclass(frozen=True)
class Selection:
    """The columns that are wanted, the relation that has them, and the statement for all of its rows.

    `ignored` are the columns that it has and the source does not read.
    """

    wanted: Mapping[str, DType]
    relation: sa.FromClause
    rows: sa.Select[Any]
    ignored: frozenset[str]


def selection(
    database: Database, reader: Sql, source: Source, added: tuple[str | None, ...] = ()
) -> Selection:
    """The columns that a source reads, but for those that are `added` later.

    DataError for one that is not there, or whose type can't be read as the declared one.
    """
    types = database.columns(no_rows(reader))
    wanted = {
        name: source.schema.get(name, String) for name in kept(types.names, source) if name not in added
    }
    for name in wanted:
        if name not in types.names:
            raise DataError(f"has no column {name!r}; {choices(name, types.names)}")
    columns = relation(reader, list(wanted))
    expressions = [
        _expression(columns.c[name], types.field(name).type, dtype, database).label(name)
        for name, dtype in wanted.items()
    ]
    return Selection(wanted, columns, sa.select(*expressions), ignored(types.names, source))


def _expression(column: Column, type: pa.DataType, dtype: DType, database: Database) -> Column:
    if pt.is_nested(type):
        raise DataError(
            f"column {column.name!r} is an array or record ({type}); take its parts apart in a query, "
            "or cast it to text there"
        )
    if _is_opaque(type):
        if dtype != String:
            raise DataError(
                f"column {column.name!r} is of a type ({_name(type)}) that can't be read as {dtype!r}; "
                "declare it String, or cast it in a query"
            )
        return as_text(column)
    return database.selected(column)


def _is_opaque(type: pa.DataType) -> bool:
    """Whether only its text says what a value of the type is."""
    if isinstance(type, pa.OpaqueType):
        return bool(type.type_name != "numeric")
    return isinstance(type, pa.UuidType) or pt.is_interval(type) or pt.is_time(type) or pt.is_duration(type)


def _name(type: pa.DataType) -> str:
    return str(type.type_name) if isinstance(type, pa.OpaqueType) else str(type)
