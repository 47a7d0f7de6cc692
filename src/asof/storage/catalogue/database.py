"""Connections to the catalogue's database: SQLite for one machine, PostgreSQL for teams."""

from __future__ import annotations

import errno
import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError
from sqlalchemy.pool import NullPool

from asof.errors import Conflict, DataError, DefinitionError, MissingExtra, NotFound
from asof.storage.catalogue.migrations import OLDEST, migrate
from asof.storage.catalogue.schema import METADATA, SCHEMA, SCHEMA_VERSION

_BUSY_SECONDS = 30
_LEAST_BYTES = 1 << 17  # what SQLite's own files need to open a catalogue
_LOCK = 0x61736F66  # an advisory lock of PostgreSQL: "asof"


class Database:
    """Transactions on a database that holds the catalogue's tables, made at first use."""

    def __init__(self, url: str) -> None:
        self._url = _parsed(url)
        self._engine = _engine(self._url)
        self._prepared = False
        self._preparing = threading.Lock()

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A transaction that reads."""
        self._prepare()
        with self._within_reach(), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """A transaction that writes: all of it or, when an error leaves it, nothing."""
        self._prepare()
        with self._within_reach(), _writing(self._engine) as connection:
            yield connection

    def close(self) -> None:
        self._engine.dispose()

    def _prepare(self) -> None:
        if self._prepared:
            return
        with self._preparing:
            with self._opening():
                found = _schema_version(self._engine)
                found = _created(self._engine) if found is None else found
                if OLDEST <= found < SCHEMA_VERSION:
                    found = _migrated(self._engine)
            _check_schema(found, self._url)
            self._prepared = True

    @contextmanager
    def _within_reach(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            if not error.connection_invalidated and not isinstance(error, OperationalError):
                raise
            raise _unreachable(error, self._url) from error

    @contextmanager
    def _opening(self) -> Iterator[None]:
        where = self._url.render_as_string(hide_password=True)
        try:
            yield
        except OperationalError as error:
            if _is_full(_reason(error), self._url):
                raise _unreachable(error, self._url) from error
            raise NotFound(f"can't open the catalogue at {where}: {_reason(error)}") from error
        except DBAPIError as error:
            raise DataError(f"{where} is no catalogue: {_reason(error)}") from error


def _parsed(url: str) -> sa.URL:
    try:
        parsed = sa.make_url(url)
    except ArgumentError:
        parsed = sa.URL.create("sqlite", database=url)
    if parsed.get_backend_name() == "sqlite":
        _check_path(parsed)
    elif parsed.get_backend_name() != "postgresql":
        raise DefinitionError(
            f"a catalogue can't be on {parsed.get_backend_name()!r};"
            " allowed: sqlite:///path, postgresql://host/database"
        )
    return parsed


def _check_path(url: sa.URL) -> None:
    if not url.database or url.database == ":memory:":
        raise DefinitionError("a catalogue needs a file: sqlite:///path/to/catalogue.db")
    if not Path(url.database).absolute().parent.is_dir():
        raise NotFound(f"no folder {Path(url.database).absolute().parent} for the catalogue; make it first")


def _engine(url: sa.URL) -> sa.Engine:
    if url.get_backend_name() == "postgresql":
        return _postgres(url)
    # Connections to a file are cheap, and must not be shared by forked processes.
    engine = sa.create_engine(
        url, poolclass=NullPool, connect_args={"timeout": _BUSY_SECONDS, "isolation_level": None}
    )
    event.listen(engine, "begin", _begin)
    return engine


def _postgres(url: sa.URL) -> sa.Engine:
    try:
        return sa.create_engine(_with_driver(url), pool_pre_ping=True)
    except ModuleNotFoundError as error:
        raise MissingExtra("a catalogue on PostgreSQL", "postgres") from error


def _with_driver(url: sa.URL) -> sa.URL:
    return url.set(drivername="postgresql+psycopg") if url.drivername == "postgresql" else url


def _begin(connection: sa.Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def _writing(engine: sa.Engine) -> Iterator[sa.Connection]:
    with engine.execution_options(writes=True).begin() as connection:
        yield connection


def _schema_version(engine: sa.Engine) -> int | None:
    with engine.begin() as connection:
        if not sa.inspect(connection).has_table(SCHEMA.name):
            return None
        found: int = connection.execute(sa.select(SCHEMA.c.version)).scalar_one()
    return found


def _created(engine: sa.Engine) -> int:
    """Make the tables, unless another process has come first; the version of the schema."""
    if engine.dialect.name == "sqlite":
        with engine.connect() as connection:
            _driver(connection).execute("PRAGMA journal_mode = WAL")
    with _preparing(engine) as connection:
        METADATA.create_all(connection)
        found = connection.execute(sa.select(SCHEMA.c.version)).scalar_one_or_none()
        if found is None:
            connection.execute(SCHEMA.insert().values(version=SCHEMA_VERSION))
    return SCHEMA_VERSION if found is None else found


def _migrated(engine: sa.Engine) -> int:
    """Bring the tables to this schema, unless another process has come first; the version of the schema."""
    with _preparing(engine) as connection:
        found: int = connection.execute(sa.select(SCHEMA.c.version)).scalar_one()
        if found < SCHEMA_VERSION:
            migrate(connection, found)
    return max(found, SCHEMA_VERSION)


@contextmanager
def _preparing(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A transaction that changes tables, beside no other such one."""
    with _writing(engine) as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
        yield connection


def _driver(connection: sa.Connection) -> Any:
    return connection.connection.driver_connection


def _check_schema(found: int, url: sa.URL) -> None:
    if found != SCHEMA_VERSION:
        raise DefinitionError(
            f"the catalogue at {url.render_as_string(hide_password=True)} has schema {found},"
            f" this Asof knows schema {SCHEMA_VERSION}; use the Asof that made it, or a newer one"
        )


def _unreachable(error: DBAPIError, url: sa.URL) -> Exception:
    reason, where = _reason(error), url.render_as_string(hide_password=True)
    if _is_full(reason, url):
        return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), where)
    if "locked" in reason:
        return Conflict(f"the catalogue at {where} is busy: {reason}; run again")
    return NotFound(f"lost the catalogue at {where}: {reason}; run again when it is there")


def _is_full(reason: str, url: sa.URL) -> bool:
    """Whether it is the disk that is full, which SQLite does not always say."""
    if url.get_backend_name() == "sqlite" and "disk I/O error" in reason:
        return shutil.disk_usage(Path(url.database or "").absolute().parent).free < _LEAST_BYTES
    return "is full" in reason or "No space left" in reason


def _reason(error: DBAPIError) -> str:
    return str(error.orig).strip().splitlines()[0]
