"""How often each value of a table is there, exactly; what does not fit into memory goes to disk."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import cached_property
from typing import Any

import duckdb
import pyarrow as pa

Read = Callable[[Sequence[str]], pa.RecordBatchReader]
"""Reads columns of a table, a batch at a time, as often as it is called."""
MEMORY = "1GB"


class ValueCounts:
    """The different values of columns, each with the number of rows that it is in; nulls are a value.

    They are counted when first asked for, in a database that `counting` closes.
    """

    def __init__(self, read: Read, opened: ExitStack) -> None:
        self._read = read
        self._opened = opened
        self._counted: dict[tuple[str, ...], str] = {}

    def ask(self, columns: Sequence[str], query: str, *values: Any) -> list[tuple[Any, ...]]:
        """The answer of SQL, in which {counts} has the columns as c0, c1, ... and the count as n."""
        table = self._table(tuple(columns))
        return self._database.execute(query.format(counts=table), list(values)).fetchall()

    def absent_from(self, column: str, others: pa.RecordBatchReader) -> list[tuple[Any, int]]:
        """The values that are not among `others` (one column), with their counts, most first."""
        table = self._table((column,))
        self._database.register("others", others)
        self._database.execute("CREATE OR REPLACE TEMP TABLE known AS SELECT DISTINCT #1 AS v FROM others")
        return self._database.execute(
            f"SELECT c0, n FROM {table} ANTI JOIN known ON c0 = v WHERE c0 IS NOT NULL ORDER BY n DESC, c0"
        ).fetchall()

    @cached_property
    def _database(self) -> duckdb.DuckDBPyConnection:
        folder = self._opened.enter_context(tempfile.TemporaryDirectory(prefix="asof-"))
        config: dict[str, str | bool | int | float | list[str]]
        config = {"memory_limit": MEMORY, "temp_directory": folder, "threads": 2}
        database = self._opened.enter_context(duckdb.connect(":memory:", config=config))
        return database.execute("SET TimeZone = 'UTC'")

    def _table(self, columns: tuple[str, ...]) -> str:
        if columns not in self._counted:
            name = f"counts_{len(self._counted)}"
            self._database.register("rows", self._read(columns))
            chosen = ", ".join(f"#{place + 1} AS c{place}" for place in range(len(columns)))
            self._database.execute(
                f"CREATE TEMP TABLE {name} AS SELECT {chosen}, count(*) AS n FROM rows GROUP BY ALL"
            )
            self._counted[columns] = name
        return self._counted[columns]


@contextmanager
def counting(read: Read) -> Iterator[ValueCounts]:
    """Count values of a table that `read` reads."""
    with ExitStack() as opened:
        yield ValueCounts(read, opened)
