"""Rows that were pushed to a source, kept in the catalogue until they are taken in."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from asof.storage.catalogue.schema import LAST_PUSHES, PUSHES

KEY_KEPT = timedelta(days=7)
"""For how long the same push again, by its key, is known as such."""


class Push(NamedTuple):
    """Rows that were pushed together: JSON objects, one a line ("json"), or an Arrow stream ("arrow")."""

    number: int
    format: str
    rows: bytes


def add(connection: sa.Connection, source: str, format: str, rows: Sequence[bytes], key: str | None) -> None:
    """Keep rows as pushes one after the other, unless there was one with the same key."""
    last = _counted(connection, source, len(rows))
    if key is not None and _is_known(connection, source, key):
        return
    now = datetime.now(UTC)
    common = {"source": source, "received_at": now, "format": format}
    first = last - len(rows) + 1
    values = [
        common | {"number": first + at, "rows": given, "key": None if at else key}
        for at, given in enumerate(rows)
    ]
    connection.execute(PUSHES.insert(), values)


def _is_known(connection: sa.Connection, source: str, key: str) -> bool:
    same = (PUSHES.c.source == source) & (PUSHES.c.key == key)
    return connection.execute(sa.select(PUSHES.c.number).where(same)).first() is not None


def waiting(connection: sa.Connection, source: str, after: int) -> list[int]:
    """The numbers of the pushes that came after one, in their order."""
    new = (PUSHES.c.source == source) & (PUSHES.c.number > after) & PUSHES.c.rows.is_not(None)
    asked = sa.select(PUSHES.c.number).where(new).order_by(PUSHES.c.number)
    return list(connection.execute(asked).scalars())


def push(connection: sa.Connection, source: str, number: int) -> Push:
    """A push that waits, by its number."""
    this = (PUSHES.c.source == source) & (PUSHES.c.number == number)
    asked = sa.select(PUSHES.c.number, PUSHES.c.format, PUSHES.c.rows).where(this)
    return Push(*connection.execute(asked).one())


def forget(connection: sa.Connection, source: str, through: int) -> None:
    """Let go of the rows up to a push, and of keys that are old."""
    taken = (PUSHES.c.source == source) & (PUSHES.c.number <= through)
    old = PUSHES.c.key.is_(None) | (PUSHES.c.received_at < datetime.now(UTC) - KEY_KEPT)
    connection.execute(PUSHES.delete().where(taken & old))
    connection.execute(PUSHES.update().where(taken & PUSHES.c.rows.is_not(None)).values(rows=None))


def _counted(connection: sa.Connection, source: str, pushes: int) -> int:
    """The number of the last of so many pushes.

    Waits for others to the source, so that a greater number never commits before a smaller one.
    """
    of_source = LAST_PUSHES.c.source == source
    more = LAST_PUSHES.update().where(of_source).values(number=LAST_PUSHES.c.number + pushes)
    found = connection.execute(more.returning(LAST_PUSHES.c.number)).scalar_one_or_none()
    return _first_counted(connection, source, pushes) if found is None else int(found)


def _first_counted(connection: sa.Connection, source: str, pushes: int) -> int:
    try:
        with connection.begin_nested():
            connection.execute(LAST_PUSHES.insert().values(source=source, number=pushes))
    except IntegrityError:
        return _counted(connection, source, pushes)
    return pushes
