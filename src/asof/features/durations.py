"""Lengths of time, written as people write them: "7d", "36h", "1h30m"."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta

from asof.errors import DefinitionError

_UNITS = {
    "w": 7 * 86_400 * 10**9,
    "d": 86_400 * 10**9,
    "h": 3_600 * 10**9,
    "m": 60 * 10**9,
    "s": 10**9,
    "ms": 10**6,
    "us": 10**3,
    "ns": 1,
}
_LONGEST = 2**63 - 1
_TEXT = re.compile(r"(?:\d+(?:w|d|h|ms|m|us|ns|s))+")
_PART = re.compile(r"(\d+)(w|d|h|ms|m|us|ns|s)")


@dataclass(frozen=True, order=True)
class Duration:
    """An exact length of time in nanoseconds; a day is always 86,400 s, whatever the clocks do.

    It is never negative and fits 64 bits, which is 106,751 days.
    """

    ns: int

    @classmethod
    def of(cls, given: Duration | timedelta | str, what: str = "duration") -> Duration:
        """Read a duration.

        >>> Duration.of("7d") == Duration.of("168h")
        True
        >>> Duration.of("7x")
        Traceback (most recent call last):
        asof.errors.DefinitionError: duration '7x' is not a length of time; write numbers with units: w d h m s ms us ns, as in '7d' or '1h30m'
        """  # noqa: E501
        if isinstance(given, Duration):
            return given
        ns = _nanoseconds(given)
        if ns is None:
            raise DefinitionError(
                f"{what} {given!r} is not a length of time; write numbers with units: "
                f"{' '.join(_UNITS)}, as in '7d' or '1h30m'"
            )
        if not 0 <= ns <= _LONGEST:
            raise DefinitionError(f"{what} {given!r} must be from 0 to {_LONGEST // _UNITS['d']}d")
        return cls(ns)

    @classmethod
    def positive(cls, given: Duration | timedelta | str, what: str) -> Duration:
        """Read a duration that must be longer than nothing."""
        read = cls.of(given, what)
        if read == ZERO:
            raise DefinitionError(f"{what} {given!r} must be longer than 0")
        return read

    def __str__(self) -> str:
        """The shortest spelling: days and below, as in "7d" or "1h30m"."""
        parts, left = [], self.ns
        for unit, size in list(_UNITS.items())[1:]:
            count, left = divmod(left, size)
            if count:
                parts.append(f"{count}{unit}")
        return "".join(parts) or "0s"

    def __repr__(self) -> str:
        return f"Duration({str(self)!r})"


ZERO = Duration(0)


def _nanoseconds(given: object) -> int | None:
    if isinstance(given, timedelta):
        return (given // timedelta(microseconds=1)) * 1_000
    if isinstance(given, str) and _TEXT.fullmatch(given):
        return sum(int(count) * _UNITS[unit] for count, unit in _PART.findall(given))
    return None
