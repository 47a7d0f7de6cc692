"""Arguments of expectations and values of columns, made comparable."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from asof.errors import DefinitionError


def comparable(argument: Any, type: str) -> Any:
    """An argument as values of a column of this type are in Python: times, which may be text, in UTC.

    >>> comparable("2024-01-31", "timestamp")
    datetime.datetime(2024, 1, 31, 0, 0, tzinfo=datetime.timezone.utc)
    """
    if argument is None or not (type == "date" or type.startswith("timestamp")):
        return argument
    read = _read(argument) if isinstance(argument, str) else argument
    if type == "date":
        return read.date() if isinstance(read, datetime) else read
    if not isinstance(read, datetime):
        read = datetime(read.year, read.month, read.day)
    return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)


def plain(value: Any) -> Any:
    """A value as JSON has it: times and decimals as text."""
    if isinstance(value, bytes):
        return value.hex()
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def _read(text: str) -> date:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise DefinitionError(f"{text!r} is not a time, as in '2024-01-31 12:00:00'") from None
