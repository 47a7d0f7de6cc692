"""SQLite through ADBC.

A column may hold values of any type, but the driver takes its type from the first rows. So every
value is asked for as its literal (`1`, `0.5`, `'text'`, `X'FF'`, `NULL`), and read from that here.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa
from sqlalchemy.dialects import sqlite as sqlite_dialect

from asof.errors import MissingExtra
from asof.ingest.sql.adbc import Adbc, connected

_TABLES = "SELECT name FROM sqlite_master WHERE type IN ('table', 'view')"
_KEY = "SELECT name FROM pragma_table_info('{}') WHERE pk > 0 ORDER BY pk"
_ROW = 1_000  # bytes that a row is taken to have, of which only its number can be asked for


@contextmanager
def sqlite(url: sa.URL, owner: str) -> Iterator[Sqlite]:
    """A transaction on a file that is there already."""
    try:
        from adbc_driver_sqlite import dbapi as driver
    except ImportError:
        raise MissingExtra(f"{owner}: SQLite", "sqlite") from None
    uri = f"file:{quote(url.database or '')}?mode=ro"
    with connected(lambda: driver.connect(uri), owner) as connection:
        yield Sqlite(connection, owner)


class Sqlite(Adbc):
    """A SQLite database."""

    dialect = sqlite_dialect.dialect(paramstyle="named")

    def tables(self) -> list[str]:
        return self.texts(_TABLES)

    def key(self, table: str) -> list[str]:
        return self.texts(_KEY.format(table.replace("'", "''")))

    def columns(self, no_rows: sa.Select[Any]) -> pa.Schema:
        return pa.schema([field.with_type(pa.null()) for field in super().columns(no_rows)])

    def selected(self, column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        return sa.func.quote(column)

    def literal(self, kind: str, text: str) -> sa.ColumnElement[Any]:
        return sa.literal(text) if kind == "text" else sa.literal_column(text)

    def batch_size(self, memory: int) -> dict[str, str]:
        return {"adbc.sqlite.query.batch_rows": str(min(max(memory // _ROW, 1), 1 << 14))}

    def rows(self, statement: sa.Select[Any], memory: int) -> Iterator[pa.Table]:
        for literals in super().rows(statement, memory):
            columns = [unquoted(column.combine_chunks()) for column in literals.columns]
            yield pa.table(columns, names=literals.column_names)


def unquoted(literals: pa.Array) -> pa.Array:
    """The values of literals: of one type as such, else as texts; bytes where a text is no UTF-8.

    >>> unquoted(pa.array(["1", "NULL"])).to_pylist(), unquoted(pa.array(["'it''s'", "0.5"])).to_pylist()
    ([1, None], ["it's", '0.5'])
    """
    given = literals.cast(pa.binary())
    given = pc.if_else(pc.equal(given, b"NULL"), pa.scalar(None, pa.binary()), given)
    is_text, is_blob = pc.starts_with(given, b"'"), pc.starts_with(given, b"X'")
    if given.null_count == len(given):
        return pa.nulls(len(given))
    if pc.all(is_blob).as_py():
        return pa.array([_blob(value) for value in given.to_pylist()], pa.binary())
    if not pc.any(is_text).as_py():
        return _numbers(given.cast(pa.string()))
    texts = pc.replace_substring(pc.binary_slice(given, 1, -1), b"''", b"'")
    return _as_string(pc.if_else(is_text, texts, given))


def _blob(literal: bytes | None) -> bytes | None:
    return None if literal is None else bytes.fromhex(literal[2:-1].decode())


def _numbers(literals: pa.Array) -> pa.Array:
    """Whole numbers, else floats; as they stand where there are both."""
    try:
        return literals.cast(pa.int64())
    except pa.ArrowInvalid:
        pass
    if pc.all(pc.match_substring_regex(literals, r"[.eIX]")).as_py():
        return _floats(literals)
    return pc.replace_substring_regex(literals, r"\.0$", "")


def _floats(literals: pa.Array) -> pa.Array:
    try:
        return literals.cast(pa.float64())
    except pa.ArrowInvalid:
        return literals


def _as_string(texts: pa.Array) -> pa.Array:
    try:
        return texts.cast(pa.string())
    except pa.ArrowInvalid:
        return texts
