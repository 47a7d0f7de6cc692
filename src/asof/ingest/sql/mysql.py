"""What is otherwise in MySQL and MariaDB: types that only the code in their protocol tells."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

_NAMES = ("mysql", "mariadb")


def in_utc(connection: sa.Connection) -> sa.Connection:
    """The connection; moments (TIMESTAMP) come on the clock of UTC, whatever the server's own is."""
    if connection.dialect.name in _NAMES:
        connection.exec_driver_sql("SET time_zone = '+00:00'")
    return connection


def exactly(answer: sa.CursorResult[Any]) -> dict[str, Callable[[object], object]]:
    """What makes the values of an answer's columns what they are, where the driver does not."""
    if answer.dialect.name not in _NAMES or answer.cursor is None:
        return {}
    codes = {described[0]: described[1] for described in answer.cursor.description}
    return {name: _EXACTLY[code] for name, code in codes.items() if code in _EXACTLY}


def let_go(answer: sa.CursorResult[Any]) -> None:
    """Give up an answer that broke off: PyMySQL would still wait for its rest, once it is collected."""
    unread = getattr(answer.cursor, "_result", None)
    if unread is not None:
        unread.unbuffered_active = False


def _moment(value: object) -> object:
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) else value


def _number(value: object) -> object:
    return int.from_bytes(value) if isinstance(value, bytes) else value


_EXACTLY: dict[int, Callable[[object], object]] = {7: _moment, 16: _number}
"""By the type's code: TIMESTAMP and BIT."""
