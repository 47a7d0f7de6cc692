"""Row-wise expressions of OpenMLDB's queries, computed by Asof's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa
from sqlglot import exp
from tests.oracles.openmldb_sql import Inexpressible

from asof.features.expressions import Sql
from asof.transforms.expressions import evaluate

_ROW_WISE = (
    exp.Abs, exp.Ln, exp.Coalesce, exp.Case, exp.If, exp.And, exp.Or, exp.Concat, exp.Substring, exp.Cast,
)  # fmt: skip
_CLOCK = (exp.Hour, exp.Day, exp.Month, exp.Year, exp.DayOfWeek, exp.WeekOfYear)
_PLAIN = {"isnull", "is_null", "identity"}


@dataclass(frozen=True)
class Rows:
    """A table with columns x0, x1, ..., and what each is called: qualifier and name."""

    table: pa.Table
    names: list[tuple[str | None, str]]

    @classmethod
    def of(cls, columns: list[pa.ChunkedArray], names: list[tuple[str | None, str]]) -> Rows:
        return cls(pa.table(columns, names=[f"x{i}" for i in range(len(columns))]), names)

    def has(self, column: exp.Column) -> bool:
        return bool(self._places(column))

    def place(self, column: exp.Column) -> str:
        """The column meant: by qualifier and name, or by name where a subquery has lost the qualifier."""
        found = self._places(column) or self._places(exp.column(column.name))
        if not found:
            raise LookupError(f"{column.sql()} is none of {self.names}")
        return f"x{found[0]}"

    def called(self, alias: str | None) -> Rows:
        return Rows(self.table, [(alias.lower(), name) for _, name in self.names]) if alias else self

    def beside(self, other: Rows) -> Rows:
        return Rows.of([*self.table.columns, *other.table.columns], self.names + other.names)

    def _places(self, column: exp.Column) -> list[int]:
        qualifier, name = column.table.lower() or None, column.name.lower()
        return [i for i, (q, n) in enumerate(self.names) if n == name and qualifier in (None, q)]


def computed(rows: Rows, expression: exp.Expression) -> pa.ChunkedArray:
    """The value of a row-wise expression for each row."""
    if isinstance(expression, exp.Column):
        return rows.table[rows.place(expression)]
    return by_sql(expression.transform(_plain, rows).sql(dialect="duckdb"), rows.table)


def by_sql(text: str, table: pa.Table) -> pa.ChunkedArray:
    return evaluate({"value": (Sql(text), None)}, table).column(0)


def calls(expression: exp.Expression) -> Iterator[exp.Expression]:
    """The aggregates in an expression, those inside others left out."""
    if isinstance(expression, exp.AggFunc) or (
        isinstance(expression, exp.Anonymous) and expression.name.lower() not in _PLAIN
    ):
        yield expression
    else:
        for part in list(expression.iter_expressions()):
            yield from calls(part)


def _plain(node: exp.Expression, rows: Rows) -> exp.Expression:
    if isinstance(node, exp.Column):
        return exp.column(rows.place(node))
    if isinstance(node, exp.Literal) and not node.is_string and "." in node.name:
        return exp.cast(node, "double")
    if isinstance(node, exp.Cast) and node.is_type("timestamp", "timestamptz", "timestampltz"):
        return _milliseconds(node.this)
    if isinstance(node, exp.Cast) and node.is_type("text", "varchar"):
        raise Inexpressible("a number as text")
    if isinstance(node, exp.Anonymous) and node.name.lower() in _PLAIN:
        [argument] = node.expressions
        inside = argument.transform(_plain, rows)
        return inside if node.name.lower() == "identity" else exp.Is(this=inside, expression=exp.Null())
    if isinstance(node, _CLOCK):
        raise Inexpressible("hours and days on the server's clock")
    if isinstance(node, exp.Func) and not isinstance(node, _ROW_WISE):
        raise Inexpressible("a function that is none of the aggregates (median, split, nth_value)")
    return node


def _milliseconds(given: exp.Expression) -> exp.Expression:
    if isinstance(given, exp.Literal) and not given.is_string:
        return given
    raise Inexpressible("hours and days on the server's clock")
