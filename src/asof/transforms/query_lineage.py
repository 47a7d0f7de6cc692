"""Which columns of which tables a source's query reads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.lineage import lineage

from asof.features.lineage.graph import Links, Node, linked
from asof.features.lineage.sources import Origins
from asof.features.readers.sql import Sql, masked
from asof.features.source import Source

_DIALECTS = {"postgresql": "postgres", "mssql": "tsql", "mariadb": "mysql"}
"""How sqlglot calls databases that SQLAlchemy calls otherwise."""


def origins(source: Source) -> Origins:
    """What each column of a source comes from, and under "" its rows: of a query the columns of tables.

    A column that can't be told from the query, as of `SELECT *`, may be in any of its tables; of other
    sources, and where the query can't be read, nothing is known.
    """
    reader = source.reader
    if not isinstance(reader, Sql) or reader.query is None:
        return {}
    try:
        tree = sqlglot.parse_one(reader.query, dialect=_dialect(reader.address))
    except SqlglotError:
        return {}
    place = masked(reader.address)
    return {
        **{name: _named(_column_origins(tree, name), place) for name in source.schema},
        "": _rows(tree, place),
    }


def tables_of(reader: Sql) -> list[str]:
    """The tables that a reader reads: its own, or those in its query, none where that can't be read."""
    if reader.query is None:
        return [str(reader.table)]
    try:
        return _tables(sqlglot.parse_one(reader.query, dialect=_dialect(reader.address)))
    except SqlglotError:
        return []


def _named(columns: Iterable[tuple[str, str]], place: str, how: str = "transformation") -> Links:
    return linked([Node(_table(table, place), column) for table, column in columns], how, "query")


def _column_origins(tree: exp.Expr, name: str) -> set[tuple[str, str]]:
    """The columns, each with its table, that a column of the result is made of."""
    try:
        found = lineage(name, tree, schema={}, dialect="duckdb")
    except SqlglotError:
        return {(table, name) for table in _tables(tree)} | set(_named_in(tree, tree))
    leaves = [node for node in found.walk() if not node.downstream]
    return {origin for leaf in leaves for origin in _leaf(leaf.name, leaf.expression, tree)}


def _leaf(name: str, expression: exp.Expr, tree: exp.Expr) -> Iterator[tuple[str, str]]:
    """What an end of the way is: a column of a table, a column of an unknown one, or no column."""
    column = name.rpartition(".")[2]
    if isinstance(expression, exp.Table):
        yield _spelled(expression), column
    elif isinstance(expression, exp.Placeholder):
        yield from ((table, column) for table in _tables(tree))


def _rows(tree: exp.Expr, place: str) -> Links:
    """Every table of the query, and all its columns that stand outside what is selected."""
    tables = linked([Node(_table(name, place)) for name in _tables(tree)], "filter", "query")
    parts = [part for kind in _DECIDING for part in tree.find_all(kind)]
    columns = {origin for part in parts for origin in _named_in(part, tree)}
    return tables | _named(columns, place, "filter")


_DECIDING = (exp.Where, exp.Join, exp.Group, exp.Having, exp.Qualify, exp.Order, exp.Distinct)


def _named_in(part: exp.Expr, tree: exp.Expr) -> Iterator[tuple[str, str]]:
    """The columns in a part of a query; one that it does not tell of which table, in every one."""
    aliases = {table.alias_or_name: _spelled(table) for table in tree.find_all(exp.Table)}
    own = _tables(tree)
    for column in part.find_all(exp.Column):
        named = aliases.get(column.table)
        yield from ((table, column.name) for table in ([named] if named in own else own))
    for both in part.args.get("using") or ():
        yield from ((table, both.name) for table in own)


def _tables(tree: exp.Expr) -> list[str]:
    """The tables that are read, without those that the query itself names in WITH."""
    own = {each.alias for each in tree.find_all(exp.CTE)}
    return sorted({_spelled(table) for table in tree.find_all(exp.Table)} - own)


def _spelled(table: exp.Table) -> str:
    return ".".join(part.name for part in table.parts)


def _table(name: str, place: str) -> str:
    return f"table/{name} of {place}"


def _dialect(address: str) -> str | None:
    scheme = address.partition("://")[0].partition("+")[0]
    name = _DIALECTS.get(scheme, scheme)
    return name if name in {each.value for each in sqlglot.Dialects} else None
