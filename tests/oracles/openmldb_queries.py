"""OpenMLDB's queries by means of Asof's definitions: what `features_at` gives for them."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc
from sqlglot import exp
from tests.oracles.openmldb_expressions import Rows, calls, computed
from tests.oracles.openmldb_joins import last_join
from tests.oracles.openmldb_sql import Frame, Inexpressible, Query, Relation
from tests.oracles.openmldb_windows import Window

from asof.features.aggregates import Aggregate, Count, CountDistinct, First, Last, Max, Mean, Min, Sum

AGGREGATES: dict[str, type[Aggregate]] = {
    "sum": Sum, "count": Count, "min": Min, "max": Max, "avg": Mean, "distinct_count": CountDistinct,
    "first_value": First, "last_value": Last,
}  # fmt: skip
FILTERED = {f"{name}_where" for name in ("sum", "count", "min", "max", "avg")}


def answer(
    query: Query, tables: dict[str, pa.Table], *, requests: bool = False, places: bool = False
) -> pa.Table:
    """The rows that a query gives; Inexpressible where it asks for what definitions don't say.

    `requests` is whether the expected rows are of requests, each made before the rows after it arrived.
    With `places`, a frame that counts rows is a window over their places in the order, instead of times.
    """
    given = {
        name.lower(): Rows.of(
            table.columns, [(name.lower(), column.lower()) for column in table.column_names]
        )
        for name, table in tables.items()
    }
    return _Answer(given, requests, places).query(query).table


class _Answer:
    def __init__(self, given: dict[str, Rows], requests: bool, places: bool) -> None:
        self.given, self.requests, self.places = given, requests, places

    def query(self, query: Query) -> Rows:
        scope = self
        for name, named in query.named.items():
            found = scope.query(named).called(name)
            scope = _Answer({**scope.given, name.lower(): found}, self.requests, self.places)
        parts = [scope.select(one) for one in (query, *query.others)]
        return Rows(pa.concat_tables([part.table for part in parts]), parts[0].names)

    def select(self, query: Query) -> Rows:
        if query.group:
            raise Inexpressible("GROUP BY over the joined rows")
        rows = self.relation(query.main)
        for join in query.joins:
            rows = last_join(rows, self.relation(join.right), join)
        if query.where is not None:
            rows = Rows(rows.table.filter(computed(rows, query.where)), rows.names)
        columns: list[pa.ChunkedArray] = []
        names: list[tuple[str | None, str]] = []
        for expression, alias in query.items:
            if expression.is_star:
                kept = [i for i, name in enumerate(rows.names) if _table(expression) in (None, name[0])]
                columns += [rows.table.column(i) for i in kept]
                names += [rows.names[i] for i in kept]
            else:
                columns.append(self.item(rows, expression, query.windows))
                names.append((None if alias else _table(expression), (alias or expression.name).lower()))
        return Rows.of(columns, names)

    def relation(self, relation: Relation) -> Rows:
        if isinstance(relation.source, Query):
            return self.query(relation.source).called(relation.alias)
        return self.given[relation.source.lower()].called(relation.alias)

    def item(self, rows: Rows, expression: exp.Expression, windows: dict[str, Frame]) -> pa.ChunkedArray:
        """One selected expression: the aggregates in it first, then the rest row by row."""
        whole = exp.Paren(this=expression.copy())
        for over in list(whole.find_all(exp.Window)):
            for call in calls(over.this):
                values = self.aggregate(rows, windows[over.args["alias"].name.lower()], call)
                name = f"aggregate {len(rows.names)}"
                rows = rows.beside(Rows.of([values], [(None, name)]))
                call.replace(exp.column(name, quoted=True))
            over.replace(over.this)
        return computed(rows, whole.this)

    def aggregate(self, rows: Rows, frame: Frame, call: exp.Expression) -> pa.ChunkedArray:
        name, arguments = _name(call), _arguments(call)
        if name in ("lag", "at"):
            return self.before(rows, frame, arguments[0], int(arguments[1].name))
        if name not in AGGREGATES and name not in FILTERED:
            raise Inexpressible(lacking(name))
        if any(True for argument in arguments for _ in calls(argument)) or call.find(exp.Window):
            raise Inexpressible("an aggregate of another aggregate")
        events = self.events(rows, frame)
        values = computed(events, exp.Literal.number(1) if arguments[0].is_star else arguments[0])
        if name in FILTERED:
            passing = pc.fill_null(computed(events, arguments[1]).cast(pa.bool_()), False)
            values = pc.if_else(passing, values, pa.scalar(None, values.type))
        if name in ("first_value", "last_value") and values.null_count and not call.find(exp.IgnoreNulls):
            raise Inexpressible("a first or last value that may be null")
        if name == "distinct_count" and values.null_count:
            raise Inexpressible("a distinct count to which null is a value")
        window = Window(events, rows.table.num_rows, frame, self.requests, self.places)
        return window.aggregate(AGGREGATES[name.removesuffix("_where")], values)

    def before(self, rows: Rows, frame: Frame, value: exp.Expression, number: int) -> pa.ChunkedArray:
        if number == 0:
            return computed(rows, value)
        events = self.events(rows, frame)
        window = Window(events, rows.table.num_rows, frame, self.requests, self.places)
        return window.before(computed(events, value), number)

    def events(self, rows: Rows, frame: Frame) -> Rows:
        """The rows of the unions, the first of them latest, then those of the main table.

        Where a join has added columns to the main table, the unions have nulls in them.
        """
        tables = [self.relation(union).table for union in reversed(frame.unions)]
        unions = [_filled(table, rows.table.schema) for table in tables]
        return Rows(pa.concat_tables([*unions, rows.table]), rows.names)


def lacking(name: str) -> str:
    """Why an aggregate is none of Asof's."""
    if "cate" in name or name.startswith("top"):
        return "text about values by category or frequency (top_n, cate)"
    return "a function that is none of the aggregates (median, split, nth_value)"


def _filled(table: pa.Table, schema: pa.Schema) -> pa.Table:
    for name in schema.names[table.num_columns :]:
        table = table.append_column(name, pa.nulls(table.num_rows))
    return table.cast(schema)


def _name(call: exp.Expression) -> str:
    return call.name.lower() if isinstance(call, exp.Anonymous) else call.sql_name().lower()


def _arguments(call: exp.Expression) -> list[exp.Expression]:
    if isinstance(call, exp.Anonymous):
        return call.expressions
    return [part.this if isinstance(part, exp.IgnoreNulls) else part for part in call.iter_expressions()]


def _table(expression: exp.Expression) -> str | None:
    return expression.table.lower() or None if isinstance(expression, exp.Column) else None
