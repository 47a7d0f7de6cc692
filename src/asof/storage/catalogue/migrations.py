"""From the schema of an older Asof to this one's, in one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from asof.storage.catalogue.schema import METADATA, REVISIONS, RUNS, SCHEMA, SCHEMA_VERSION, STEPS, VERSIONS

OLDEST = 2

# By schema: the columns that it added to tables of before, and what they hold in rows of before.
_NEW_COLUMNS: Mapping[int, Mapping[sa.Table, Mapping[str, Any]]] = {
    3: {
        REVISIONS: {"environment": "", "code_revision": "", "rolled_back_to": None},
        RUNS: {"environment": ""},
        STEPS: {"inputs": {}, "outputs": {}, "bytes_written": 0},
        VERSIONS: {"freed_at": None},
    },
}


def migrate(connection: sa.Connection, found: int) -> None:
    """Bring the tables of schema `found` to `SCHEMA_VERSION`, with all that is in them."""
    METADATA.create_all(connection)
    for table, values in _columns_since(found).items():
        _rebuild(connection, table, values)
    connection.execute(SCHEMA.update().values(version=SCHEMA_VERSION))


def _columns_since(found: int) -> dict[sa.Table, dict[str, Any]]:
    since: dict[sa.Table, dict[str, Any]] = {}
    for version, tables in _NEW_COLUMNS.items():
        for table, values in tables.items() if version > found else ():
            since.setdefault(table, {}).update(values)
    return since


def _rebuild(connection: sa.Connection, table: sa.Table, values: Mapping[str, Any]) -> None:
    """Make a table anew around its rows, as neither database can change a primary key in place."""
    before = sa.table("asof_before", *(sa.column(column.name) for column in table.columns))
    connection.execute(sa.text(f"CREATE TEMPORARY TABLE {before.name} AS SELECT * FROM {table.name}"))
    table.drop(connection)
    table.create(connection)
    columns = [
        sa.literal(values[column.name], column.type) if column.name in values else before.c[column.name]
        for column in table.columns
    ]
    rows = sa.select(*columns).select_from(before)
    connection.execute(table.insert().from_select(list(table.columns), rows))
    connection.execute(sa.text(f"DROP TABLE {before.name}"))
