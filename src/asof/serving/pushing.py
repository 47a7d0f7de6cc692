"""Rows that are pushed to a source: kept in the catalogue until a run takes them in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
import pyarrow as pa

from asof.errors import DataError, DefinitionError, NotFound, choices
from asof.serving.wire import NotJson
from asof.storage.catalogue import Catalogue

ROWS = 1 << 16
"""How many rows of a table are kept together."""

_ENCODER = msgspec.json.Encoder(decimal_format="number")
_FORM = '{"rows": [{COLUMN: VALUE}]}'


class _Body(msgspec.Struct, forbid_unknown_fields=True):
    rows: list[msgspec.Raw]


def push(catalogue: Catalogue, source: str, rows: object, key: str | None = None) -> int:
    """Keep rows for a source whose reader is `Push`, durably, all or none; how many there are.

    `rows` is an Arrow table, a data frame that gives an Arrow stream, or a list of dicts by column.
    What is in a row is judged by the run that takes it in. The same rows pushed again with the same
    `key`, within a week, count once.

    NotFound for a source that isn't applied, DefinitionError for one with another reader, DataError
    for rows that are none of these.
    """
    check_takes_pushes(catalogue, source)
    if isinstance(rows, Sequence) and not isinstance(rows, str | bytes):
        catalogue.push(source, "json", [_lines(rows)], key)
        return len(rows)
    table = _table(rows)
    catalogue.push(source, "arrow", list(_streams(table)), key)
    return int(table.num_rows)


def push_body(catalogue: Catalogue, source: str, media_type: str, body: bytes, key: str | None) -> int:
    """As `push`, for the body of an HTTP request.

    NotJson for a body that can't be read, DataError, naming the field, for one of another form.
    """
    check_takes_pushes(catalogue, source)
    read = _READERS.get(media_type.partition(";")[0].strip().lower())
    if read is None:
        raise DefinitionError(f"Content-Type {media_type!r}: {choices(media_type, _READERS)}")
    format, rows, kept = read(body)
    catalogue.push(source, format, [kept], key)
    return rows


def check_takes_pushes(catalogue: Catalogue, source: str) -> None:
    """Raise what `push` does for a source that rows can't be pushed to."""
    revision = catalogue.revision()
    readers = {
        key.removeprefix("source/"): described["reader"]["kind"]
        for key, described in (revision.definitions if revision else {}).items()
        if key.startswith("source/")
    }
    if source not in readers:
        takes = [name for name, reader in readers.items() if reader == "Push"]
        raise NotFound(
            f"no source {source!r} is applied that rows can be pushed to; {choices(source, takes)}"
        )
    if readers[source] != "Push":
        raise DefinitionError(
            f"source {source!r} is read by {readers[source]}; rows can be pushed to one with reader=Push()"
        )


def _json(body: bytes) -> tuple[str, int, bytes]:
    try:
        rows = msgspec.json.decode(body, type=_Body).rows
    except msgspec.ValidationError as error:
        raise DataError(f"{error}; send {_FORM}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise NotJson(f"the body is not JSON: {error}; send {_FORM}") from None
    for number, row in enumerate(rows):
        if not bytes(row).lstrip().startswith(b"{"):
            raise DataError(f"Expected `object` - at `$.rows[{number}]`; send {_FORM}")
    return "json", len(rows), b"\n".join(msgspec.json.format(row, indent=-1) for row in rows)


def _json_lines(body: bytes) -> tuple[str, int, bytes]:
    return "json", sum(1 for line in body.splitlines() if line.strip()), body


def _arrow(body: bytes) -> tuple[str, int, bytes]:
    try:
        with pa.ipc.open_stream(body) as stream:
            rows = sum(batch.num_rows for batch in stream)
    except (pa.ArrowInvalid, OSError) as error:
        raise NotJson(f"the body is not an Arrow stream: {error}") from None
    return "arrow", rows, body


_READERS: Mapping[str, Callable[[bytes], tuple[str, int, bytes]]] = {
    "application/json": _json,
    "application/x-ndjson": _json_lines,
    "application/vnd.apache.arrow.stream": _arrow,
}


def _lines(rows: Sequence[Any]) -> bytes:
    for row in rows:
        if not isinstance(row, Mapping):
            raise DataError(f"a row is a dict by column, got {type(row).__name__} {row!r}")
    try:
        return b"\n".join(map(_ENCODER.encode, rows))
    except TypeError as error:
        raise DataError(f"rows can't be written as JSON: {error}") from None


def _table(rows: object) -> pa.Table:
    if isinstance(rows, pa.RecordBatch):
        return pa.Table.from_batches([rows])
    if hasattr(rows, "__arrow_c_stream__"):
        return pa.table(rows)
    raise DataError(f"rows are an Arrow table, a data frame or a list of dicts, got {type(rows).__name__}")


def _streams(table: pa.Table) -> Iterator[bytes]:
    """The rows as Arrow streams of a bounded size."""
    for start in range(0, max(table.num_rows, 1), ROWS):
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table.slice(start, ROWS))
        yield sink.getvalue().to_pybytes()
