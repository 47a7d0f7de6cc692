"""Moments as whole nanoseconds since 1970-01-01 UTC, as tables, manifests and stores write them down."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from asof.errors import DefinitionError

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def nanoseconds(moment: datetime) -> int:
    """Nanoseconds since 1970-01-01 UTC; DefinitionError where the moment has no time zone.

    >>> nanoseconds(datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC))
    1000000000
    """
    if moment.tzinfo is None:
        raise DefinitionError(f"{moment} has no time zone: give it one, as in UTC")
    return (moment - EPOCH) // MICROSECOND * 1000


def from_nanoseconds(count: int) -> datetime:
    """The moment in UTC, without what is left of a microsecond; OverflowError after the year 9999.

    >>> from_nanoseconds(1_500_000_000_000_000_999)
    datetime.datetime(2017, 7, 14, 2, 40, tzinfo=datetime.timezone.utc)
    """
    return EPOCH + count // 1000 * MICROSECOND
