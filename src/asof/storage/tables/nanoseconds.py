"""Nanosecond times in a format that has microseconds only.

Delta Lake knows no nanoseconds. A column of them is stored as int64 counts since the epoch, and its
field carries a mark that tells a reader what they are.
"""

from __future__ import annotations

import pyarrow as pa

from asof.storage.arrow_types import canonical_schema

_MARK = b"asof.type"
_NANOSECONDS = b"timestamp_ns"
_TIME = pa.timestamp("ns", "UTC")


def stored(schema: pa.Schema) -> pa.Schema:
    """The schema as files hold it: canonical types, and marked int64 for nanoseconds."""
    return pa.schema([_stored(field) for field in canonical_schema(schema)])


def declared(schema: pa.Schema) -> pa.Schema:
    """The schema as it was declared: what `stored` marked is a time again."""
    return pa.schema([_declared(field) for field in schema])


def _stored(field: pa.Field) -> pa.Field:
    if field.type != _TIME:
        return field
    mark = {**(field.metadata or {}), _MARK: _NANOSECONDS}
    return field.with_type(pa.int64()).with_metadata(mark)


def _declared(field: pa.Field) -> pa.Field:
    metadata = dict(field.metadata or {})
    if metadata.pop(_MARK, None) != _NANOSECONDS:
        return field
    return field.with_type(_TIME).with_metadata(metadata or None)
