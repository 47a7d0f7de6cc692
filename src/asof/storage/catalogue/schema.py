"""The catalogue's tables, the same on SQLite and PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Dialect,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.exc import DontWrapMixin
from sqlalchemy.types import TypeDecorator

from asof.errors import DefinitionError

SCHEMA_VERSION = 3


class Instant(TypeDecorator[datetime]):
    """An aware time as ISO 8601 text in UTC, so that the order of text is that of time."""

    impl = String(32)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:
        return None if value is None else instant(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        return None if value is None else datetime.fromisoformat(value)


class JsonText(TypeDecorator[Any]):
    """A JSON value as text; None is SQL's null."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else msgspec.json.encode(value).decode()

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        return None if value is None else msgspec.json.decode(value)


def instant(time: datetime) -> str:
    """The text of an aware time; DefinitionError for one without a zone."""
    if time.tzinfo is None:
        raise _NaiveTime(f"{time} has no time zone; give an aware time")
    return time.astimezone(UTC).isoformat(timespec="microseconds")


class _NaiveTime(DontWrapMixin, DefinitionError):
    """Raised while SQLAlchemy binds values, and let through by it as it is."""


METADATA = MetaData()

SCHEMA = Table("asof_schema", METADATA, Column("version", Integer, nullable=False))

VERSIONS = Table(
    "asof_table_versions",
    METADATA,
    Column("table", Text, primary_key=True),
    Column("version", BigInteger, primary_key=True, autoincrement=False),
    Column("run", Text, nullable=False, index=True),
    Column("committed_at", Instant, nullable=False),
    Column("definition", Text, nullable=False),
    Column("inputs", JsonText, nullable=False),
    Column("through", BigInteger, nullable=False),
    Column("cursor", JsonText),
    Column("rows", BigInteger, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("details", JsonText, nullable=False),
    Column("freed_at", Instant),
    Index("asof_versions_in_time", "table", "committed_at"),
)

# The version of each table that counts: what commits compare and swap.
HEADS = Table(
    "asof_table_heads",
    METADATA,
    Column("table", Text, primary_key=True),
    Column("version", BigInteger, nullable=False),
)

RUNS = Table(
    "asof_runs",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("started_at", Instant, nullable=False, index=True),
    Column("finished_at", Instant),
    Column("status", Text, nullable=False, index=True),
    Column("who", Text, nullable=False),
    Column("engine", Text, nullable=False),
    Column("code_revision", Text, nullable=False),
    Column("error", Text),
    Column("host", Text, nullable=False),
    Column("process", BigInteger, nullable=False),
    Column("seen_at", Instant),
    Column("alone", Boolean, nullable=False),
    Column("environment", Text, nullable=False),
)

STEPS = Table(
    "asof_steps",
    METADATA,
    Column("run", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("status", Text, nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("finished_at", Instant),
    Column("rows_read", BigInteger, nullable=False),
    Column("rows_written", BigInteger, nullable=False),
    Column("rows_quarantined", BigInteger, nullable=False),
    Column("rows_dropped", BigInteger, nullable=False),
    Column("bytes_written", BigInteger, nullable=False),
    Column("inputs", JsonText, nullable=False),
    Column("outputs", JsonText, nullable=False),
    Column("details", JsonText, nullable=False),
)

# What backfills have done so far: chunks of rows in files that no table has yet.
CHUNKS = Table(
    "asof_backfill_chunks",
    METADATA,
    Column("backfill", Text, primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("table", Text, nullable=False, index=True),
    Column("run", Text, nullable=False),
    Column("finished_at", Instant, nullable=False),
    Column("rows_read", BigInteger, nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("files", JsonText, nullable=False),
)

REVISIONS = Table(
    "asof_revisions",
    METADATA,
    Column("environment", Text, primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("applied_at", Instant, nullable=False),
    Column("who", Text, nullable=False),
    Column("code_revision", Text, nullable=False),
    Column("definitions", JsonText, nullable=False),
    Column("hash", Text, nullable=False),
    Column("rolled_back_to", BigInteger),
)

# What an environment was made on: `based_on` is the revision of production that its definitions have in them.
ENVIRONMENTS = Table(
    "asof_environments",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("made_at", Instant, nullable=False),
    Column("who", Text, nullable=False),
    Column("based_on", BigInteger),
)

TRAINING_SETS = Table(
    "asof_training_sets",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("version", BigInteger, primary_key=True, autoincrement=False),
    Column("created_at", Instant, nullable=False),
    Column("manifest", JsonText, nullable=False),
)

# The version of every table at one moment, under a name.
SNAPSHOTS = Table(
    "asof_snapshots",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("taken_at", Instant, nullable=False),
    Column("who", Text, nullable=False),
    Column("revision", BigInteger),
    Column("versions", JsonText, nullable=False),
)

# Rows that were pushed, until they are taken in; then only the key stays for a while, so that the same
# push again counts once.
PUSHES = Table(
    "asof_pushes",
    METADATA,
    Column("source", Text, primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("received_at", Instant, nullable=False),
    Column("key", Text),
    Column("format", Text, nullable=False),
    Column("rows", LargeBinary),
    UniqueConstraint("source", "key"),
)

# The number of the last push of each source: pushes are numbered in the order in which they commit.
LAST_PUSHES = Table(
    "asof_last_pushes",
    METADATA,
    Column("source", Text, primary_key=True),
    Column("number", BigInteger, nullable=False),
)
