"""Databases to read from: one transaction, whose answers are Arrow tables."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any, Protocol
from urllib.parse import quote

import pyarrow as pa
import sqlalchemy as sa

from asof.errors import AsofError, DataError, DefinitionError
from asof.features.readers.sql import masked
from asof.storage.secrets import filled

_FRAME = re.compile(r"^(?:.*?(?:ERROR|FATAL|Error):\s+|(?:[A-Z_]+: )?\[\w+\] )", re.DOTALL)
"""What drivers put before what the database said."""


class Database(Protocol):
    """A connection within a transaction, which sees the database as it was then, and changes nothing."""

    def tables(self) -> list[str]:
        """The names of tables and views, those outside the default schema with their schema."""
        ...

    def key(self, table: str) -> list[str]:
        """The columns of a table's primary key, in their order; none where it has none."""
        ...

    def columns(self, no_rows: sa.Select[Any]) -> pa.Schema:
        """The columns of a statement, of the types that `rows` gives, null where only a row would tell."""
        ...

    def selected(self, column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        """How a column is to be selected, so that `rows` gives its values exactly."""
        ...

    def literal(self, kind: str, text: str) -> sa.ColumnElement[Any]:
        """A value to compare a column with, from its kind and text in a cursor."""
        ...

    def rows(self, statement: sa.Select[Any], memory: int) -> Iterator[pa.Table]:
        """The rows of a statement as they come, in tables of no more than about `memory` bytes."""
        ...


def opened(address: str, root: str, owner: str) -> AbstractContextManager[Database]:
    """The database at an address, its file taken from the folder `root` where it is relative.

    Errors name `owner`: NotFound where a `${NAME}` is not set, DataError where nobody answers.
    """
    url = located(parsed(address, owner), root)
    if url.drivername in ("postgresql", "postgres"):
        from asof.ingest.sql.postgres import postgres

        return postgres(url.set(drivername="postgresql"), owner)
    if url.drivername == "sqlite":
        from asof.ingest.sql.sqlite import sqlite

        return sqlite(url, owner)
    if url.drivername == "duckdb":
        from asof.ingest.sql.duckdb import duck

        return duck(url, owner)
    from asof.ingest.sql.alchemy import alchemy

    return alchemy(url, owner)


def parsed(address: str, owner: str) -> sa.URL:
    """The address with what the environment says; a user or password may hold any characters there."""
    scheme, separator, rest = address.partition("://")
    user, at, place = rest.rpartition("@")
    account = f"{filled(user, owner, quote_all)}{at}"
    try:
        return sa.make_url(f"{filled(scheme, owner)}{separator}{account}{filled(place, owner)}")
    except (sa.exc.ArgumentError, ValueError):
        raise DefinitionError(
            f"{owner}: address {masked(address)!r} is no URL; write it as 'postgresql://host:5432/database'"
        ) from None


def quote_all(value: str) -> str:
    """A user or password as it stands in a URL."""
    return quote(value, safe="")


def located(url: sa.URL, root: str) -> sa.URL:
    """The URL, its file taken from `root` where it is relative."""
    if url.get_backend_name() not in ("sqlite", "duckdb") or url.database in (None, "", ":memory:"):
        return url
    return url.set(database=os.path.join(os.path.abspath(root), url.database))


def fault(owner: str, error: BaseException) -> AsofError:
    """What a driver's error comes down to: its first line, with what to do where that is known."""
    said = _FRAME.sub("", _message(error), count=1).partition("\n")[0] or type(error).__name__
    return DataError(f"{owner}: {said}{_remedy(said)}")


def _message(error: BaseException) -> str:
    """What an error says, without the number that MySQL's drivers put before it."""
    match error.args:
        case (int(), str(said), *_):
            return said
    return str(error).strip()


def _remedy(said: str) -> str:
    remedies = {
        "onnection refused": "; is the server running, and are host and port right?",
        "permission denied": "; the user of the address needs GRANT SELECT on it",
        "command denied": "; the user of the address needs GRANT SELECT on it",
        "Access denied": "; check the user and password that the address takes",
        "password authentication failed": "; check the user and password that the address takes",
        "no password supplied": "; put user and password into the address: '://${USER}:${PASSWORD}@host/...'",
        "locked": "; run again when nobody writes to it",
        "terminating connection": "; run again: it goes on from what was committed",
        "Lost connection": "; run again: it goes on from what was committed",
        "server closed the connection": "; run again: it goes on from what was committed",
    }
    return next((remedy for sign, remedy in remedies.items() if sign in said), "")
