"""What a row looks like that was not taken in: its raw content, why, and where it came from."""

from __future__ import annotations

import msgspec
import pyarrow as pa
import pyarrow.types as pt

REJECTED = pa.schema(
    [
        ("raw", pa.string()),
        ("reason", pa.string()),
        ("column", pa.string()),
        ("origin", pa.string()),
        ("line", pa.int64()),
        ("layout", pa.string()),
    ]
)
"""`raw`: the record as it stood, bytes that are no UTF-8 as `\\xff`. `column`: null where the whole
record is at fault. `origin`: the file or topic. `line`: from 1, of the record's first line. `layout`: how
`raw` is to be read, null where it is a JSON object; else JSON, with the `names` and the `delimiter` of
its fields, or `{"bytes": "base64"}` for an object that `json_rows` wrote."""

JSON_ROW = '{"bytes":"base64"}'
"""The layout of what `json_rows` writes."""


def json_rows(rows: pa.Table) -> list[str]:
    """Each row as a JSON object: times in UTC as ISO text, decimals as text, bytes in base64.

    >>> json_rows(pa.table({"id": [1], "name": ["mug"]}))
    ['{"id":1,"name":"mug"}']
    """
    encoder = msgspec.json.Encoder()
    written = rows.cast(pa.schema([_written(field) for field in rows.schema]))
    return [encoder.encode(row).decode() for row in written.to_pylist()]


def _written(field: pa.Field) -> pa.Field:
    return field.with_type(pa.string()) if pt.is_timestamp(field.type) else field
