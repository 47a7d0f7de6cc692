"""Row-wise expressions over Arrow tables: compiled to DuckDB SQL, computed by an engine of our own.

Whole numbers are computed in 64 bits and divided as floats; division by zero is null, as is NaN.
Times are in UTC. A time or date that is compared with a column is read as that column's type.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt
import sqlglot
from sqlglot import exp

from asof.errors import DataError, DefinitionError
from asof.features.expressions import Call, Column, Expr, Literal, Scalar, Sql, columns_of

Typed = tuple[Expr, pa.DataType | None]

_COMPARISONS: dict[str, type[exp.Binary]] = {
    "eq": exp.EQ,
    "ne": exp.NEQ,
    "lt": exp.LT,
    "le": exp.LTE,
    "gt": exp.GT,
    "ge": exp.GTE,
}
_OPERATIONS: dict[str, type[exp.Binary]] = {
    "add": exp.Add,
    "sub": exp.Sub,
    "mul": exp.Mul,
    "and": exp.And,
    "or": exp.Or,
}
_SQL_TYPES = {
    pa.int8(): "TINYINT",
    pa.int16(): "SMALLINT",
    pa.int32(): "INTEGER",
    pa.int64(): "BIGINT",
    pa.float32(): "FLOAT",
    pa.float64(): "DOUBLE",
    pa.string(): "VARCHAR",
    pa.binary(): "BLOB",
    pa.bool_(): "BOOLEAN",
    pa.date32(): "DATE",
    pa.timestamp("us", "UTC"): "TIMESTAMPTZ",
    pa.timestamp("ns", "UTC"): "TIMESTAMPTZ_NS",
}


def to_sql(expr: Expr) -> str:
    """The expression as SQL in DuckDB's dialect, for a session whose time zone is UTC."""
    return _tree(expr).sql(dialect="duckdb")


def sql_type(arrow: pa.DataType) -> str:
    """The name in DuckDB of a column type of ours.

    >>> sql_type(pa.decimal128(10, 2))
    'DECIMAL(10, 2)'
    """
    if pt.is_decimal(arrow):
        return f"DECIMAL({arrow.precision}, {arrow.scale})"
    return _SQL_TYPES[arrow]


def session() -> duckdb.DuckDBPyConnection:
    """A connection of the caller's own to the engine: in memory, in UTC, closed to files and network."""
    return _engine().cursor()


def evaluate(columns: Mapping[str, Typed], table: pa.Table) -> pa.Table:
    """One column for each expression, cast to the type beside it, row for row as in `table`.

    Raises DefinitionError where an expression does not fit the columns it reads, DataError where it
    fails on a value; an empty `table` is enough to find the first.
    """
    try:
        computed = _select(columns, table)
    except duckdb.Error as error:
        raise _blamed(columns, table, error) from error
    return pa.table(
        [_no_nan(computed.column(i)) for i in range(len(columns))],
        names=list(columns),
    )


def compute(expr: Expr, table: pa.Table, type: pa.DataType | None = None) -> pa.ChunkedArray:
    """The value of one expression for each row of `table`; errors as of `evaluate`."""
    return evaluate({"value": (expr, type)}, table).column(0)


def mask(condition: Expr, table: pa.Table) -> np.ndarray:
    """Whether `condition` holds for each row of `table`, as bools; where it is null it does not."""
    holds = pc.fill_null(compute(condition, table, pa.bool_()), False)
    return np.asarray(holds.to_numpy(), dtype=bool)


def widened(table: pa.Table) -> pa.Table:
    """The table with its whole numbers in 64 bits, so that arithmetic on narrow ones can't overflow."""
    return table.cast(
        pa.schema(
            [
                field.with_type(pa.int64()) if pt.is_signed_integer(field.type) else field
                for field in table.schema
            ]
        )
    )


@cache
def _engine() -> duckdb.DuckDBPyConnection:
    engine = duckdb.connect(
        ":memory:",
        config={
            "threads": 2,
            "enable_external_access": False,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        },
    )
    engine.execute("SET GLOBAL TimeZone = 'UTC'")
    engine.execute("SET GLOBAL lock_configuration = true")
    return engine


def _select(columns: Mapping[str, Typed], table: pa.Table) -> pa.Table:
    values = ", ".join(f"{_cast(typed)} AS c{i}" for i, typed in enumerate(columns.values()))
    read = frozenset().union(*(columns_of(expr) for expr, _ in columns.values()))
    with session() as connection:
        connection.register("rows", _read_by(read, table))
        computed = connection.sql(f"SELECT {values} FROM rows").to_arrow_table()
    types = [type or computed.schema.types[i] for i, (_, type) in enumerate(columns.values())]
    return computed.cast(pa.schema([(f"c{i}", type) for i, type in enumerate(types)]))


def _read_by(names: Iterable[str], table: pa.Table) -> pa.Table:
    there = sorted(set(names) & set(table.column_names)) or table.column_names[:1]
    return widened(table.select(there))


def _cast(typed: Typed) -> str:
    expr, type = typed
    return to_sql(expr) if type is None else f"CAST({to_sql(expr)} AS {sql_type(type)})"


def _no_nan(values: pa.ChunkedArray) -> pa.ChunkedArray:
    if not pt.is_floating(values.type):
        return values
    return pc.if_else(pc.is_nan(values), pa.scalar(None, values.type), values)


def _blamed(
    columns: Mapping[str, Typed], table: pa.Table, error: duckdb.Error
) -> DataError | DefinitionError:
    for name, typed in columns.items():
        try:
            _select({name: typed}, table)
        except duckdb.Error as own:
            return explained(repr(typed[0]), own)
    return explained(", ".join(columns), error)


def explained(what: str, error: duckdb.Error) -> DataError | DefinitionError:
    """What the engine's error on `what` means: a wrong definition, or a value that it can't take."""
    reason = str(error).splitlines()[0]
    if isinstance(error, duckdb.BinderException | duckdb.CatalogException | duckdb.ParserException):
        return DefinitionError(f"{what} can't be computed: {reason}")
    return DataError(f"{what} fails on a row: {reason}")


def _tree(expr: Expr) -> exp.Expr:
    match expr:
        case Column(name):
            return exp.column(name, quoted=True)
        case Literal(value):
            return _literal(value)
        case Sql(text):
            return exp.paren(sqlglot.parse_one(text, dialect="duckdb"), copy=False)
        case Call(operator, arguments):
            return exp.paren(_call(operator, arguments), copy=False)
    raise DefinitionError(f"{expr!r} is not an expression")


def _call(operator: str, arguments: tuple[Expr, ...]) -> exp.Expr:
    if operator in _COMPARISONS:
        left, right = map(_compared, arguments)
        return _COMPARISONS[operator](this=left, expression=right)
    if operator == "is_in":
        first, *values = map(_compared, arguments)
        return exp.In(this=first, expressions=values) if values else exp.false()
    trees = [_tree(argument) for argument in arguments]
    match operator:
        case "not":
            return exp.Not(this=trees[0])
        case "is_null":
            return exp.Is(this=trees[0], expression=exp.null())
        case "matches":
            return exp.func("regexp_matches", *trees, dialect="duckdb")
        case "div":
            dividend, divisor = (exp.cast(tree, "double") for tree in trees)
            nonzero = exp.Nullif(this=divisor, expression=exp.Literal.number(0))
            return exp.Div(this=dividend, expression=nonzero, typed=False, safe=False)
    return _OPERATIONS[operator](this=trees[0], expression=trees[1])


def _compared(expr: Expr) -> exp.Expr:
    """An operand of a comparison: a time is left as text, which takes the other operand's type."""
    if isinstance(expr, Literal) and isinstance(expr.value, date):
        return exp.Literal.string(_time_text(expr.value))
    return _tree(expr)


def _literal(value: Scalar) -> exp.Expr:
    match value:
        case None:
            return exp.null()
        case bool():
            return exp.true() if value else exp.false()
        case int():
            return exp.paren(exp.Literal.number(value))
        case float():
            return exp.cast(exp.Literal.string(repr(value)), "double")
        case str():
            return exp.Literal.string(value)
        case bytes():
            return exp.func("unhex", exp.Literal.string(value.hex()), dialect="duckdb")
        case Decimal():
            return _decimal(value)
        case datetime():
            return exp.cast(exp.Literal.string(_time_text(value)), "timestamptz", dialect="duckdb")
        case date():
            return exp.cast(exp.Literal.string(_time_text(value)), "date")
    raise DefinitionError(f"{value!r} can't stand in an expression")


def _decimal(value: Decimal) -> exp.Expr:
    if not value.is_finite():
        raise DefinitionError(f"{value!r} can't stand in an expression: a decimal must be finite")
    _, digits, exponent = value.as_tuple()
    scale = max(0, -int(exponent))
    precision = max(len(digits) + max(0, int(exponent)), scale, 1)
    return exp.cast(exp.Literal.string(f"{value:f}"), f"decimal({precision}, {scale})")


def _time_text(value: date) -> str:
    if not isinstance(value, datetime):
        return value.isoformat()
    instant = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    return instant.isoformat(sep=" ")
