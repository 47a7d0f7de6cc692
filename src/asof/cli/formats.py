"""How numbers, sizes, times and durations are written for people."""

from __future__ import annotations

from datetime import UTC, datetime

from asof.storage.instants import from_nanoseconds

UNITS = ("B", "kB", "MB", "GB", "TB")


def number(value: float | None) -> str:
    """A number with separators; of fractions six significant digits.

    >>> number(1469307), number(0.1234567), number(None)
    ('1,469,307', '0.123457', '-')
    """
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.6g}"


def size(count: int) -> str:
    """A number of bytes in decimal units.

    >>> size(512), size(2_048_000)
    ('512 B', '2.0 MB')
    """
    amount = float(count)
    for unit in UNITS:
        if amount < 1000 or unit == UNITS[-1]:
            break
        amount /= 1000
    return f"{count} B" if count < 1000 else f"{amount:.1f} {unit}"


def moment(time: datetime, *, seconds: bool = False) -> str:
    """An aware time in UTC, to the minute or the second.

    >>> moment(datetime(2017, 3, 5, 9, 7, 1, tzinfo=UTC))
    '2017-03-05 09:07Z'
    """
    return time.astimezone(UTC).strftime(f"%Y-%m-%d %H:%M{':%S' if seconds else ''}Z")


def moment_of_ns(nanoseconds: int) -> str:
    """A time in nanoseconds since 1970, UTC, to the second.

    >>> moment_of_ns(1_500_000_000_000_000_000)
    '2017-07-14 02:40:00Z'
    """
    return moment(from_nanoseconds(nanoseconds), seconds=True)


def took(started: datetime, finished: datetime | None) -> str:
    """How long something lasted.

    >>> took(datetime(2017, 3, 5), datetime(2017, 3, 5, 0, 1, 12))
    '1m 12s'
    """
    return "-" if finished is None else duration((finished - started).total_seconds())


def duration(seconds: float) -> str:
    """A length of time in seconds, to a tenth of a second below a minute.

    >>> duration(0.84), duration(3723)
    ('0.8s', '1h 2m')
    """
    if seconds < 59.95:
        return f"{seconds:.1f}s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}m {rest}s" if minutes < 60 else f"{minutes // 60}h {minutes % 60}m"
