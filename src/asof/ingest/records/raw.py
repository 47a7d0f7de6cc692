"""Raw records as quarantine keeps them, read into columns once more."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import pyarrow as pa

from asof.errors import DataError, choices
from asof.features.readers.debezium import Debezium
from asof.features.source import Source
from asof.features.types import Bytes
from asof.ingest.debezium.events import json_event
from asof.ingest.debezium.rows import EVENT, changes_of, table_of
from asof.ingest.files.delimited import fault_of
from asof.ingest.files.delimited_records import records
from asof.ingest.schema.contract import kept
from asof.ingest.values.json import DECODER, columns_of
from asof.storage.quarantine import JSON_ROW

_NOT_UTF8 = re.compile(rb"\\x([89a-f][0-9a-f])")


@dataclass(frozen=True)
class Read:
    """The columns of the records at the positions `at` (from 0), and why the others can't be read."""

    values: pa.Table
    at: Sequence[int]
    faults: Mapping[int, str]


def read_again(raws: Sequence[str], layout: str | None, source: Source) -> Read:
    """Raw records of one layout as columns for `asof.ingest.values.conversion.converted`."""
    found: dict[int, Any] = {}
    faults: dict[int, str] = {}
    laid_out = msgspec.json.decode(layout) if layout else {}
    if layout == EVENT:
        return _of_events(raws, source)
    read = _object if "names" not in laid_out else _fields
    for row, raw in enumerate(raws):
        try:
            found[row] = read(_as_it_stood(raw), laid_out)
        except DataError as error:
            faults[row] = str(error)
    try:
        make = _of_fields if "names" in laid_out else _of_objects
        return Read(make(list(found.values()), laid_out, source), list(found), faults)
    except DataError as error:
        return Read(pa.table({}), [], faults | dict.fromkeys(found, str(error)))


def _of_events(raws: Sequence[str], source: Source) -> Read:
    if not isinstance(source.reader, Debezium):
        reason = "is a change event, which its source no longer reads"
        return Read(pa.table({}), [], dict.fromkeys(range(len(raws)), reason))
    changes = changes_of(range(len(raws)), [_as_it_stood(raw) for raw in raws], json_event, source)
    faults = {fault.line or 0: fault.reason for fault in changes.malformed}
    return Read(table_of(changes, source), changes.places, faults)


def _as_it_stood(raw: str) -> bytes:
    """The bytes of a record, with those that are no UTF-8 in place of how they are shown."""
    return _NOT_UTF8.sub(lambda shown: bytes.fromhex(shown[1].decode()), raw.encode())


def _object(raw: bytes, layout: Mapping[str, Any]) -> dict[str, object]:
    try:
        return DECODER.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DataError(f"is not a JSON object: {error}") from error


def _of_objects(objects: Sequence[dict[str, Any]], layout: Mapping[str, Any], source: Source) -> pa.Table:
    values = columns_of(objects, source)
    if layout != msgspec.json.decode(JSON_ROW):
        return values
    for name, dtype in source.schema.items():
        if dtype == Bytes:
            at = values.column_names.index(name)
            values = values.set_column(at, name, _from_base64(found.get(name) for found in objects))
    return values


def _from_base64(values: Any) -> pa.Array:
    return pa.array([None if value is None else base64.b64decode(value) for value in values], pa.binary())


def _fields(raw: bytes, layout: Mapping[str, Any]) -> list[str]:
    found = list(records(raw.splitlines(keepends=True), layout["delimiter"]))
    if len(found) != 1:
        raise DataError("is not one record")
    if fault := fault_of(found[0], layout["names"]):
        raise DataError(fault)
    return found[0].fields


def _of_fields(found: Sequence[list[str]], layout: Mapping[str, Any], source: Source) -> pa.Table:
    names = layout["names"]
    for column in source.schema:
        if column not in names:
            raise DataError(f"its header has no column {column!r}; {choices(column, names)}")
    columns = kept(names, source)
    return pa.table({name: _column(found, names.index(name)) for name in columns})


def _column(found: Sequence[list[str]], at: int) -> pa.Array:
    return pa.array([fields[at].encode("utf-8", "surrogateescape") for fields in found], pa.binary())
