"""Drift: how the rows of a source have come to differ from its schema, and what to declare."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from asof.features.source import Source
from asof.features.types import DType
from asof.ingest.schema.contract import Known
from asof.ingest.values.conversion import GIVEN
from asof.steps.quarantine import rows_of
from asof.storage.catalogue import TableVersion
from asof.workspace import Workspace


@dataclass(frozen=True)
class Drift:
    """A column that is not as declared: "new", "widened", "changed" (kept beside), "refused" (set aside).

    Or "ignored": it is there, and not read. `type` is the inferred one, of a column that is "refused" the
    declared one, None where nobody knows; `hint` says what to do.
    """

    source: str
    column: str
    what: str
    type: str | None
    hint: str


def drift(workspace: Workspace, source: Source, version: TableVersion) -> list[Drift]:
    """The drift of a source as of a version of its raw table."""
    found = [
        *_undeclared(workspace, source, version),
        *_refused(workspace, source),
        *_ignored(source, version),
    ]
    return sorted(found, key=lambda each: (each.column, each.what))


def _undeclared(workspace: Workspace, source: Source, version: TableVersion) -> Iterator[Drift]:
    undeclared = Known.of(version.details).columns
    older = workspace.history(f"raw/{source.name}") if undeclared else []
    before = [Known.of(each.details).columns for each in older]
    for column, type in undeclared.items():
        declared = column.removesuffix(GIVEN)
        if column.endswith(GIVEN) and declared in source.schema:
            hint = (
                f"what is no {source.schema[declared]!r} is in {column}; declare {_declared(declared, type)}"
            )
            yield Drift(source.name, declared, "changed", type, hint)
            continue
        narrower = next((each[column] for each in before if each.get(column) not in (None, type)), None)
        what = "new" if narrower is None else "widened"
        was = "" if narrower is None else f"was {narrower}; "
        yield Drift(source.name, column, what, type, f"{was}declare {_declared(column, type)}, or ignore it")


def _refused(workspace: Workspace, source: Source) -> Iterator[Drift]:
    rows = rows_of(workspace, workspace.newest(f"quarantine/{source.name}"))
    ingested = rows.filter(pc.equal(rows["stage"], "ingest"))["column"]
    for count in pc.value_counts(_one_chunk(ingested)).to_pylist():
        column, many = count["values"], count["counts"]
        if column is not None:
            declared = source.schema.get(column)
            hint = f"in quarantine: {many:,}; see: asof quarantine show {source.name} --column {column}"
            yield Drift(source.name, column, "refused", declared.name if declared else None, hint)


def _ignored(source: Source, version: TableVersion) -> Iterator[Drift]:
    for column in Known.of(version.details).ignored:
        yield Drift(source.name, column, "ignored", None, f"is not read; see: asof infer {source.name}")


def _one_chunk(column: pa.ChunkedArray) -> pa.Array:
    return pa.chunked_array([column.combine_chunks()]).chunk(0)


def _declared(column: str, type: str | None) -> str:
    return f"{column!r}: {DType(type or 'string')!r}"
