"""Text into values: numbers in plain notation, dates and times in ISO 8601, flags as words or digits.

A time without a zone is one of the source's time zone. Of a local time that is there twice, as when
clocks go back, the first is meant; one that clocks skip is refused. A decimal with more digits than
its type holds is refused, never rounded.
"""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from asof.ingest.values.target import Target

TRUE = ("true", "t", "yes", "y", "1")
FALSE = ("false", "f", "no", "n", "0")
_WORDS = pa.array(TRUE + FALSE)
WITH_ZONE = r"\d[T ].*(Z|[+-]\d\d(:?\d\d)?)$"


def parser(target: Target) -> Callable[[pa.ChunkedArray], pa.ChunkedArray]:
    """The function from text to values of the target's type; it raises ArrowInvalid at a fault."""
    if pt.is_boolean(target.type):
        return flags
    if pt.is_timestamp(target.type):
        return lambda text: instants(text, target.type.unit, target.timezone)
    return lambda text: text.cast(target.type)


def flags(text: pa.ChunkedArray) -> pa.ChunkedArray:
    """True and false from the words of `TRUE` and `FALSE`, in any case."""
    word = pc.index_in(pc.utf8_lower(text), _WORDS)
    if word.null_count > text.null_count:
        raise pa.ArrowInvalid("neither a word for true nor one for false")
    return pc.less(word, len(TRUE))


def instants(text: pa.ChunkedArray, unit: str, timezone: str) -> pa.ChunkedArray:
    """Times in UTC from ISO 8601 text, with an offset or else local to `timezone`."""
    try:
        return in_utc(text.cast(pa.timestamp(unit)), timezone)
    except pa.ArrowInvalid:
        with_zone = pc.match_substring_regex(text, WITH_ZONE)
    none = pa.scalar(None, pa.string())
    zoned = pc.if_else(with_zone, text, none).cast(pa.timestamp(unit, "UTC"))
    local = pc.if_else(with_zone, none, text).cast(pa.timestamp(unit))
    return pc.coalesce(zoned, in_utc(local, timezone))


def in_utc(local: pa.ChunkedArray, timezone: str) -> pa.ChunkedArray:
    """Times in UTC from local times; ArrowInvalid where clocks skip one."""
    utc = pa.timestamp(local.type.unit, "UTC")
    if timezone == "UTC":
        return local.cast(utc)
    return pc.assume_timezone(local, timezone, ambiguous="earliest", nonexistent="raise").cast(utc)
