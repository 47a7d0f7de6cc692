"""Databases with an ADBC driver: from the database's own format to Arrow in native code."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from asof.ingest.sql.database import fault
from asof.ingest.sql.statements import written


class Adbc:
    """A connection of ADBC."""

    dialect: sa.Dialect

    def __init__(self, connection: Any, owner: str) -> None:
        self._connection = connection
        self._owner = owner

    def columns(self, no_rows: sa.Select[Any]) -> pa.Schema:
        with self.answer(written(no_rows, self.dialect)) as answer:
            return answer.schema

    def selected(self, column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        return column

    def literal(self, kind: str, text: str) -> sa.ColumnElement[Any]:
        """The text, which the database reads as a value of the type that it is compared with."""
        return sa.literal(text)

    def rows(self, statement: sa.Select[Any], memory: int) -> Iterator[pa.Table]:
        with self.answer(written(statement, self.dialect), **self.batch_size(memory)) as answer:
            for batch in answer:
                yield pa.Table.from_batches([batch])

    def batch_size(self, memory: int) -> dict[str, str]:
        """The driver's options for batches of no more than about `memory` bytes."""
        raise NotImplementedError

    def texts(self, query: str) -> list[str]:
        """The values of a query's only column."""
        with self.answer(query) as answer:
            return [str(value) for value in answer.read_all().column(0).to_pylist()]

    def execute(self, command: str) -> None:
        """Run a command that answers nothing."""
        with self._faults(), closing(self._connection.cursor()) as cursor:
            cursor.execute(command)

    @contextmanager
    def answer(self, query: str, **options: str) -> Iterator[pa.RecordBatchReader]:
        """The rows of a query, as they come."""
        with self._faults(), closing(self._connection.cursor()) as cursor:
            cursor.adbc_statement.set_options(**options)
            cursor.execute(query)
            with cursor.fetch_record_batch() as reader:
                yield reader

    @contextmanager
    def _faults(self) -> Iterator[None]:
        with faults(self._owner):
            yield


@contextmanager
def connected(connect: Callable[[], Any], owner: str) -> Iterator[Any]:
    """A connection, closed in the end even where the database is gone."""
    with faults(owner):
        connection = connect()
    try:
        yield connection
    finally:
        with _closed_anyway():
            connection.close()


@contextmanager
def faults(owner: str) -> Iterator[None]:
    """Errors of the driver as ours."""
    import adbc_driver_manager

    try:
        yield
    except (adbc_driver_manager.Error, pa.ArrowException, OSError) as error:
        raise fault(owner, error) from error


@contextmanager
def _closed_anyway() -> Iterator[None]:
    import adbc_driver_manager

    with suppress(adbc_driver_manager.Error):
        yield
