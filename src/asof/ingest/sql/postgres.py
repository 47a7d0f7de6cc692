"""PostgreSQL through ADBC, which reads as COPY in binary writes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from asof.errors import MissingExtra
from asof.ingest.sql.adbc import Adbc, connected

_TABLES = """
SELECT CASE WHEN pg_table_is_visible(c.oid) THEN c.relname ELSE n.nspname || '.' || c.relname END
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname !~ '^(pg_|information_schema$)'
"""
_KEY = """
SELECT a.attname FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY(i.indkey)
WHERE i.indrelid = '{}'::regclass AND i.indisprimary ORDER BY array_position(i.indkey, a.attnum)
"""
_LARGEST = 16 << 20  # bytes of a batch


@contextmanager
def postgres(url: sa.URL, owner: str) -> Iterator[Postgres]:
    """A transaction of level REPEATABLE READ."""
    try:
        from adbc_driver_postgresql import dbapi as driver
    except ImportError:
        raise MissingExtra(f"{owner}: PostgreSQL", "postgres") from None
    with connected(lambda: driver.connect(url.render_as_string(hide_password=False)), owner) as connection:
        database = Postgres(connection, owner)
        database.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield database


class Postgres(Adbc):
    """A PostgreSQL database; its values come in the binary form of COPY."""

    dialect = postgresql.dialect(paramstyle="named")  # type: ignore[no-untyped-call]

    def tables(self) -> list[str]:
        return self.texts(_TABLES)

    def key(self, table: str) -> list[str]:
        quoted = ".".join(self.dialect.identifier_preparer.quote(part) for part in table.split("."))
        return self.texts(_KEY.format(quoted.replace("'", "''")))

    def columns(self, no_rows: sa.Select[Any]) -> pa.Schema:
        return pa.schema([_typed(field) for field in super().columns(no_rows)])

    def batch_size(self, memory: int) -> dict[str, str]:
        return {"adbc.postgresql.batch_size_hint_bytes": str(min(memory, _LARGEST))}


def _typed(field: pa.Field) -> pa.Field:
    """The field, not as a number where it is an amount of money in a currency's smallest unit."""
    if (field.metadata or {}).get(b"POSTGRESQL:type") == b"money":
        return field.with_type(pa.opaque(pa.binary(), "money", "PostgreSQL"))
    return field
