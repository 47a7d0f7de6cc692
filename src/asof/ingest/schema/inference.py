"""The types of columns that nobody declared, told from their text.

Each value has one narrowest type, whatever stands around it, and a column the narrowest that holds
those of all its values; so what is inferred depends on the rows alone, not on how they are cut.
"""

from __future__ import annotations

from functools import reduce

import pyarrow as pa
import pyarrow.compute as pc

from asof.ingest.values.conversion import attempt
from asof.ingest.values.target import Target
from asof.ingest.values.text import parser
from asof.storage.arrow_types import arrow_type

_DAY = r"\d{4}-\d\d-\d\d"
_TIME = rf"{_DAY}[T ]\d\d:\d\d"
_ZONE = r"(Z|[+-]\d\d(:?\d\d)?)?"
_PATTERNS = {
    "bool": r"^(?i:true|false)$",
    "int64": r"^-?(0|[1-9]\d*)$",
    "float64": r"^-?(0|[1-9]\d*)(\.\d+([eE][+-]?\d+)?|[eE][+-]?\d+)$",
    "date": rf"^{_DAY}$",
    "timestamp": rf"^{_TIME}(:\d\d(\.\d{{1,6}})?)?{_ZONE}$",
    "timestamp_ns": rf"^{_TIME}:\d\d\.\d{{7,9}}{_ZONE}$",
}
_LADDERS = (("bool",), ("int64", "float64"), ("date", "timestamp", "timestamp_ns"))


def inferred(text: pa.ChunkedArray) -> str | None:
    """The narrowest type that all values have; None where all are null.

    >>> inferred(pa.chunked_array([["1", "2.5", None]])), inferred(pa.chunked_array([["1", "true"]]))
    ('float64', 'string')
    """
    found = types_of(text).unique().drop_null().to_pylist()
    return reduce(wider, sorted(found)) if found else None


def wider(one: str, other: str) -> str:
    """The narrowest type that holds the values of both.

    >>> wider("int64", "float64"), wider("date", "timestamp"), wider("int64", "date")
    ('float64', 'timestamp', 'string')
    """
    ladder = kind(one)
    return max(one, other, key=ladder.index) if other in ladder else "string"


def kind(name: str) -> tuple[str, ...]:
    """The types that differ from this one in width alone, narrowest first.

    >>> kind("int64")
    ('int64', 'float64')
    """
    return next((ladder for ladder in _LADDERS if name in ladder), ("string",))


def types_of(text: pa.ChunkedArray) -> pa.Array:
    """The narrowest type of each value; null for null."""
    distinct = pa.chunked_array([text.combine_chunks()]).chunk(0).dictionary_encode()
    names = pa.repeat("string", len(distinct.dictionary))
    for name, pattern in _PATTERNS.items():
        names = pc.if_else(_reads_as(distinct.dictionary, name, pattern), name, names)
    return names.take(distinct.indices)


def _reads_as(text: pa.Array, name: str, pattern: str) -> pa.Array:
    """Which values look like the type and are in its range."""
    alike = pc.match_substring_regex(text, pattern)
    candidates = pa.chunked_array([pc.if_else(alike, text, pa.scalar(None, pa.string()))])
    target = Target(arrow_type(name))
    _, refused = attempt(candidates, parser(target), target.type)
    return pc.and_(alike, pc.invert(pc.is_in(pa.array(range(len(text))), pa.array(refused, pa.int64()))))
