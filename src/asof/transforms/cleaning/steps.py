"""Cleaning steps as one SQL query that carries along what each step changed and dropped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from asof.errors import DataError, DefinitionError
from asof.features.cleaning import Dedupe, Derive, DropWhere, Fill, Replace, Step, Trim
from asof.features.expressions import Literal, Scalar
from asof.features.source import Source
from asof.features.types import DType, Schema
from asof.storage.arrow_types import arrow_type
from asof.transforms.expressions import explained, session, sql_type, to_sql, widened

_WHITE = r"'[\s\v\p{Z}]+'"


@dataclass(frozen=True)
class StepCount:
    """What a step did: rows dropped, and rows in which it changed a value."""

    position: int
    step: str
    dropped: int
    changed: int

    def with_dropped(self, more: int) -> StepCount:
        """The count with more rows dropped."""
        return replace(self, dropped=self.dropped + more)


def apply_steps(rows: pa.Table, source: Source) -> tuple[pa.Table, list[StepCount]]:
    """The rows that the source's steps leave, with their columns and `_sequence`, and what each did.

    Steps are row-wise here: of `Dedupe` only the (empty) count is given. Whole numbers come in 64 bits.
    """
    try:
        stepped = _run(rows, source, len(source.clean))
    except duckdb.Error as error:
        raise _blamed(rows, source, error) from error
    counts = [
        StepCount(i, described(step), _times(stepped["_dropped"], i), _true(stepped, f"_changed_{i}"))
        for i, step in enumerate(source.clean)
    ]
    left = stepped.filter(pc.is_null(stepped["_dropped"]))
    return left.select([*source.columns, "_sequence"]), counts


def described(step: Step) -> str:
    """A step as it is written in a definition.

    >>> described(Dedupe(("invoice", "line")))
    "dedupe('invoice', 'line')"
    """
    match step:
        case Fill(column, value):
            return f"fill({column!r}, {value!r})"
        case Replace(column, pairs):
            return f"replace({column!r}, {len(pairs)} values)"
        case Trim(column):
            return f"trim({column!r})"
        case DropWhere(condition):
            return f"drop_where({condition!r})"
        case Dedupe(columns):
            return f"dedupe({', '.join(map(repr, columns))})"
        case Derive(name, dtype, value):
            return f"derive({name!r}, {dtype!r}, {value!r})"
    raise DefinitionError(f"{step!r} is not a cleaning step")


def _run(rows: pa.Table, source: Source, steps: int) -> pa.Table:
    query = _query(source, steps)
    with session() as connection:
        connection.register("ingested", widened(rows))
        return connection.sql(query).to_arrow_table()


def _query(source: Source, steps: int) -> str:
    """One SELECT on top of another for each of the first so many steps."""
    stages = ["s AS (SELECT *, CAST(NULL AS INTEGER) AS _dropped FROM ingested)"]
    columns, last = source.schema, "s"
    for position, step in enumerate(source.clean[:steps]):
        stages.append(f"s{position} AS ({_stage(position, step, columns, source)} FROM {last})")
        columns, last = step.after(f"Source {source.name!r}", columns), f"s{position}"
    return f"WITH {', '.join(stages)} SELECT * FROM {last}"


def _stage(position: int, step: Step, columns: Schema, source: Source) -> str:
    changed = f"AS _changed_{position}"
    if isinstance(step, Dedupe):
        return f"SELECT *, false {changed}"
    if isinstance(step, DropWhere):
        drops = f"({to_sql(step.condition)}) AND NOT {_retracted(columns, source)}"
        dropped = f"CASE WHEN _dropped IS NULL AND {drops} THEN {position} ELSE _dropped END"
        return f"SELECT * REPLACE ({dropped} AS _dropped), false {changed}"
    name, value = _assigned(step, columns)
    old = _quoted(name) if name in columns else "NULL"
    new = f"CASE WHEN _dropped IS NULL THEN {value} ELSE {old} END"
    kept = f"* REPLACE ({new} AS {_quoted(name)})" if name in columns else f"*, {new} AS {_quoted(name)}"
    return f"SELECT {kept}, ({new}) IS DISTINCT FROM {old} {changed}"


def _assigned(step: Step, columns: Schema) -> tuple[str, str]:
    """The column that a step writes, and the SQL of what it writes there."""
    match step:
        case Fill(column, value):
            return column, f"coalesce({_quoted(column)}, {_constant(value, columns[column])})"
        case Replace(column, pairs):
            return column, _replaced(_quoted(column), dict(pairs), columns[column])
        case Trim(column):
            folded = f"trim(regexp_replace({_quoted(column)}, {_WHITE}, ' ', 'g'))"
            return column, f"nullif({folded}, '')"
        case Derive(name, dtype, value):
            computed = f"CAST({to_sql(value)} AS {_type(dtype)})"
            return name, f"nullif({computed}, 'nan')" if dtype.is_float else computed
    raise DefinitionError(f"{step!r} is not a cleaning step")


def _replaced(column: str, pairs: Mapping[Scalar, Scalar], dtype: DType) -> str:
    cases = " ".join(
        f"WHEN {column} IS NOT DISTINCT FROM {_constant(old, dtype)} THEN {_constant(new, dtype)}"
        for old, new in pairs.items()
    )
    return f"CASE {cases} ELSE {column} END" if cases else column


def _constant(value: Scalar, dtype: DType) -> str:
    return f"CAST({to_sql(Literal(value))} AS {_type(dtype)})"


def _type(dtype: DType) -> str:
    return "BIGINT" if dtype.is_integer else sql_type(arrow_type(dtype.name))


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _retracted(columns: Schema, source: Source) -> str:
    if source.retracted is None or source.retracted not in columns:
        return "false"
    return f"coalesce({_quoted(source.retracted)}, false)"


def _blamed(rows: pa.Table, source: Source, error: duckdb.Error) -> DataError | DefinitionError:
    """The error of the first step that fails on the rows as the ones before it leave them."""
    for position, step in enumerate(source.clean):
        try:
            _run(rows, source, position + 1)
        except duckdb.Error as own:
            return explained(f"source {source.name!r}: {described(step)}", own)
    return explained(f"source {source.name!r}", error)


def _times(values: pa.ChunkedArray, number: int) -> int:
    return int(pc.sum(pc.equal(values, number)).as_py() or 0)


def _true(rows: pa.Table, column: str) -> int:
    return int(pc.sum(rows[column]).as_py() or 0)
