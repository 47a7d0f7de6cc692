"""What makes expected rows none of the query's: parts left out of the file, and errata."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from sqlglot import exp
from tests.oracles.openmldb_cases import LEFT_OUT, Case
from tests.oracles.openmldb_sql import Inexpressible, Query

NO_SUM = "an expected sum that no rows of the case add up to"


def doubt(case: Case, query: Query) -> None:
    """Inexpressible where the inputs and the expected rows can't belong together, by themselves."""
    if case.expected is None or _lacks_rows(case, query):
        raise Inexpressible(LEFT_OUT)
    for item, values in _items(query, case.expected):
        if isinstance(item, exp.Count) and max(values, default=0) > _rows_of(case.tables.values()):
            raise Inexpressible(LEFT_OUT)
        if isinstance(item, exp.Sum) and isinstance(item.this, exp.Column):
            _check_sums(case, _sources(query, item.this.name), values)


def _lacks_rows(case: Case, query: Query) -> bool:
    """Whether there are other rows expected than those of the main table."""
    assert case.expected is not None
    while isinstance(query.main.source, Query):
        query = query.main.source
    main = case.tables.get(query.main.source)
    if main is None or query.limit is not None or query.group or query.others or query.named:
        return False
    return main.num_rows != len(case.expected) or (
        "id" in main.column_names
        and case.columns[:1] == ["id"]
        and not _ids(case) <= set(main["id"].to_pylist())
    )


def _ids(case: Case) -> set[Any]:
    assert case.expected is not None
    return {row[0] for row in case.expected}


def _items(query: Query, expected: list[list[Any]]) -> Iterator[tuple[exp.Expression, list[Any]]]:
    """Each aggregate that is selected as it is, with the values that are expected of it."""
    if any(item.is_star for item, _ in query.items):
        return
    for i, (item, _) in enumerate(query.items):
        if isinstance(item, exp.Window):
            yield item.this, [row[i] for row in expected if i < len(row) and row[i] is not None]


def _sources(query: Query, column: str) -> set[str]:
    """The names that a column may have in the tables, of those that subqueries rename."""
    found = {column}
    for relation in [
        query.main,
        *(j.right for j in query.joins),
        *(u for w in query.windows.values() for u in w.unions),
    ]:
        if isinstance(relation.source, Query):
            named = {item.name for item, alias in relation.source.items if alias == column}
            found |= {name for name in named for name in _sources(relation.source, name)}
    return found


def _check_sums(case: Case, columns: set[str], sums: list[Any]) -> None:
    addends = {
        value
        for table in case.tables.values()
        for column in columns & set(table.column_names)
        if pa.types.is_integer(table[column].type)
        for value in pc.drop_null(table[column]).to_pylist()
    }
    if addends and min(addends) > 0 and not all(_adds_up(total, addends) for total in sums):
        raise Inexpressible(NO_SUM)


def _adds_up(total: int, addends: set[int]) -> bool:
    """Whether one or more of `addends`, each as often as one likes, make `total`."""
    if total > 10_000:
        return True
    made = {0}
    for sum in range(1, total + 1):
        if any(sum - addend in made for addend in addends):
            made.add(sum)
    return total > 0 and total in made


def _rows_of(tables: Iterable[pa.Table]) -> int:
    return sum(table.num_rows for table in tables)
