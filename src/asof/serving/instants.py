"""Moments as the text of RFC 3339, from and to nanoseconds since 1970-01-01 UTC."""

from __future__ import annotations

import re
from datetime import datetime

from asof.storage.instants import from_nanoseconds, nanoseconds

_TEXT = re.compile(r"([0-9-]{10}T[0-9:]{8})(?:\.([0-9]{1,9}))?(Z|[+-][0-9]{2}:[0-9]{2})")


def from_text(text: str) -> int:
    """Nanoseconds of an RFC 3339 text with up to nine decimals; ValueError where it is none.

    >>> from_text("1970-01-01T01:00:00.000000001+01:00")
    1
    """
    match = _TEXT.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no time as in 2024-05-01T12:30:00Z")
    seconds = nanoseconds(datetime.fromisoformat(match[1] + match[3]))
    return seconds + int((match[2] or "").ljust(9, "0"))


def to_text(moment: int) -> str:
    """RFC 3339 of nanoseconds, with as many decimals as it takes: none, six or nine.

    >>> to_text(1_000), to_text(1)
    ('1970-01-01T00:00:00.000001Z', '1970-01-01T00:00:00.000000001Z')
    """
    whole, rest = from_nanoseconds(moment), moment % 1000
    decimals = f"{rest:03}" if rest else ""
    return f"{whole.isoformat(timespec='microseconds' if rest else 'auto')[:-6]}{decimals}Z"
