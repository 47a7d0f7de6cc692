"""Values of a cursor column, as a cursor keeps them: a kind and a text."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.types as pt

from asof.errors import DataError
from asof.features.durations import Duration


class Mark(NamedTuple):
    """A value of a column of some kind: "integer", "float", "decimal", "timestamp", "date" or "text"."""

    kind: str
    text: str


_READ: dict[str, Any] = {
    "integer": int,
    "float": float,
    "decimal": Decimal,
    "timestamp": datetime.fromisoformat,
    "date": date.fromisoformat,
}


def mark(value: pa.Scalar) -> Mark:
    """The mark of a value that is not null."""
    kind = _kind(value.type)
    if getattr(value.type, "tz", None):
        value = value.cast(pa.timestamp(value.type.unit, "UTC"))
    return Mark(kind, repr(value.as_py()) if kind == "float" else str(value.cast(pa.string())))


def _kind(type: pa.DataType) -> str:
    if pt.is_integer(type):
        return "integer"
    if pt.is_floating(type):
        return "float"
    if pt.is_decimal(type):
        return "decimal"
    if pt.is_timestamp(type):
        return "timestamp"
    return "date" if pt.is_date(type) else "text"


def earlier(mark: Mark, overlap: Duration | int | None) -> Mark:
    """The value that lies an overlap before another; DataError for a text that is no time or number.

    A text is taken for a number or a time, and an earlier time cut to the second, so that it sorts
    before every time of that second in the same notation.

    >>> earlier(Mark("text", "2024-03-01T00:00:00.5Z"), Duration.of("1h")).text
    '2024-02-29T23:00:00'
    """
    if not overlap:
        return mark
    if isinstance(overlap, Duration):
        return mark._replace(text=_earlier_time(mark, timedelta(microseconds=-(-overlap.ns // 1000))))
    return mark._replace(text=str(_order(mark, overlap) - overlap))


def reaches(mark: Mark, low: Mark, overlap: Duration | int | None) -> bool:
    """Whether a value lies at `low` or behind it; without an overlap, at it, the greatest that was read."""
    return _order(mark, overlap) >= _order(low, overlap) if overlap else mark == low


def greatest(before: Mark | None, mark: Mark, overlap: Duration | int | None) -> Mark:
    """The greater of two values, of which the second was read later, in the order of values."""
    return before if before and overlap and not reaches(mark, before, overlap) else mark


def _order(mark: Mark, overlap: Duration | int) -> Any:
    """What compares as the values do."""
    if mark.kind != "text":
        return _READ[mark.kind](mark.text)
    return _time(mark.text) if isinstance(overlap, Duration) else Decimal(mark.text)


def _time(text: str) -> datetime:
    """The time in a text as its clock shows it, which is how texts are sorted."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=None)
    except ValueError:
        raise DataError(
            f"{text!r} in the cursor column is no time in ISO 8601 to take an overlap from"
        ) from None


def _earlier_time(mark: Mark, overlap: timedelta) -> str:
    if mark.kind == "text":
        whole = (_time(mark.text) - overlap).replace(microsecond=0)
        return whole.isoformat(sep=mark.text[10] if len(mark.text) > 10 else " ")[: max(len(mark.text), 10)]
    time = datetime.fromisoformat(mark.text) - overlap
    return str(time.date() if mark.kind == "date" else time)
