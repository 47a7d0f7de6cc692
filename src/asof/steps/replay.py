"""Replay: what was read before, rows and quarantine, under the present definition of its source."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from asof.errors import DataError
from asof.features.describe import definition_hash
from asof.features.graph import TableNode
from asof.features.source import Source
from asof.ingest.records.retry import SEQUENCE, Retried, carried, retried
from asof.ingest.schema.contract import Known
from asof.ingest.values.conversion import GIVEN
from asof.steps.context import Context, Write, counted, ended
from asof.steps.quarantine import EVERYTHING, Chosen, described, rows_of
from asof.storage.arrow_types import arrow_type, type_name
from asof.storage.catalogue import Step, TableVersion
from asof.storage.quarantine import REJECTED
from asof.storage.tables import Base, File
from asof.transforms.appended import extended
from asof.transforms.statistics import from_json, to_json

TEXT = pa.string()


def replay(context: Context, node: TableNode, source: Source, chosen: Chosen) -> Step:
    """Move the chosen rows that are now as defined from quarantine into the raw table.

    Where the definition has changed since, the rows that the table has are carried over to it.
    DataError where that can't give what reading the source anew would.
    """
    step = context.begin(f"replay {source.name}")
    current = context.workspace.current(node.name)
    if current.definition != node.definition and source.reader.rereadable:
        _check_carries(context, current, source)
    step, _ = replayed(context, node, source, step, chosen)
    return ended(step)


def read_as(source: Source) -> str:
    """A hash of what decides how rows are read, but for their columns."""
    return definition_hash(source.reader, source.timezone)


def with_columns(rows: pa.Table, names: Iterable[str]) -> pa.Table:
    """The rows with the columns of text that they lack, null."""
    for name in names:
        if name not in rows.column_names:
            rows = rows.append_column(name, pa.nulls(rows.num_rows, TEXT))
    return rows


def replayed(
    context: Context, node: TableNode, source: Source, step: Step, chosen: Chosen = EVERYTHING
) -> tuple[Step, TableVersion]:
    """Carry a raw table over to its present definition and retry the chosen rows, all in one commit.

    The cursor stays. A row that can't be carried over goes to quarantine.
    """
    current = context.workspace.current(node.name)
    aside = context.current(f"quarantine/{source.name}")
    quarantined = rows_of(context.workspace, aside)
    at = np.flatnonzero(np.asarray(pc.and_(chosen.of(quarantined), pc.equal(quarantined["stage"], "ingest"))))
    carry = _Carry(context, node, source, current)
    again = retried(quarantined.take(at), source, carry.known)
    left = _left(quarantined, at, again)
    write = carry.write(again.rows)
    refused = described(carry.refused, "ingest", context.run)
    step = counted(
        step,
        carry.read + len(at),
        carry.written + again.rows.num_rows,
        refused.num_rows + len(at) - again.rows.num_rows,
        tried=len(at),
        moved=again.rows.num_rows,
        carried=carry.read,
        chosen=chosen.described(),
    )
    rest = pa.concat_tables([left, refused])
    moved = (
        None
        if rest.equals(quarantined)
        else context.write(f"quarantine/{source.name}", rest, on=aside, replace=True)
    )
    step = context.commit([write, moved], step)
    return step, write.version if write else current


class _Carry:
    """The rows of a raw table on their way into its present definition, or where they are in it already.

    `read`, `written` and `refused` account for the rows that had to be carried, `known` for all.
    """

    def __init__(self, context: Context, node: TableNode, source: Source, current: TableVersion) -> None:
        self._context, self._node, self._source, self._current = context, node, source, current
        self._anew = current.definition != node.definition
        self.read, self.written = 0, 0
        self.known = Known() if self._anew else Known.of(current.details)
        self.refused = REJECTED.empty_table()
        self._statistics = {} if self._anew else from_json(current.details["statistics"])
        self._base: Base | None = None
        self._files: list[File] = []
        self._schema = self._context.workspace.table(node.name).schema(current.version)
        if self._anew:
            self._carry()

    def _carry(self) -> None:
        old = self._schema
        found, _ = carried(old.empty_table(), self._source)
        given = [name + GIVEN for name in _changed(old, self._source)]
        evolves = self._source.contract.types == "evolve"
        self._schema = with_columns(found, given if evolves else []).schema
        self._base = self._context.workspace.base(self._node.name, old, on=self._current)
        self._files = self._base.stage(self._batches(), schema=self._schema)

    def _batches(self) -> Iterator[pa.RecordBatch]:
        table = self._context.workspace.table(self._node.name)
        for batch in table.batches(self._current.version):
            rows, refused = carried(pa.Table.from_batches([batch]), self._source)
            self.read += batch.num_rows
            self.refused = pa.concat_tables([self.refused, refused])
            self.known = self.known.after(rows, self._source)
            taken = with_columns(rows, self._schema.names).select(self._schema.names)
            self._statistics = extended(self._statistics, self.written, taken.drop_columns([SEQUENCE]))
            self.written += rows.num_rows
            yield from taken.to_batches()

    def write(self, more: pa.Table) -> Write | None:
        """Write what was carried, and more rows after it; None where there is nothing to write."""
        if not self._anew and not more.num_rows:
            return None
        base = self._base or self._context.workspace.base(self._node.name, self._schema, on=self._current)
        first = self._current.through + 1
        if more.num_rows:
            self.known = self.known.after(more, self._source)
            sequence = pa.array(np.arange(first, first + more.num_rows, dtype=np.int64))
            more = with_columns(more, self.known.columns)
            before = self.written if self._anew else self._current.rows
            self._statistics = extended(self._statistics, before, more)
            rows = more.append_column(SEQUENCE, sequence)
            self._files += base.stage(rows, schema=rows.schema, part=1)
            self._schema = pa.unify_schemas([self._schema, rows.schema])
        return self._context.commit_files(
            base,
            self._files,
            on=self._current,
            schema=self._schema,
            replace=self._anew,
            definition=self._node.definition,
            through=self._current.through + more.num_rows,
            cursor=self._current.cursor,
            inputs=self._current.inputs,
            details=self.known.described()
            | {"read_as": read_as(self._source), "statistics": to_json(self._statistics)},
        )


def _left(quarantined: pa.Table, at: np.ndarray[Any, Any], again: Retried) -> pa.Table:
    """What stays in quarantine; rows that were retried with their new reason."""
    gone = {int(at[row]) for row in again.passed}
    reasons, columns = quarantined["reason"].to_pylist(), quarantined["column"].to_pylist()
    for row, fault in again.faults.items():
        reasons[at[row]], columns[at[row]] = fault.reason, fault.column or None
    rows = quarantined.set_column(quarantined.column_names.index("reason"), "reason", pa.array(reasons, TEXT))
    rows = rows.set_column(rows.column_names.index("column"), "column", pa.array(columns, TEXT))
    stays = [row not in gone for row in range(rows.num_rows)]
    return rows.filter(pa.array(stays, pa.bool_()))


def _changed(old: pa.Schema, source: Source) -> list[str]:
    """The declared columns that the table has with another type."""
    return [
        name
        for name, dtype in source.schema.items()
        if name in old.names and old.field(name).type != arrow_type(dtype.name)
    ]


def _check_carries(context: Context, current: TableVersion, source: Source) -> None:
    anew = "asof run reads it anew, and with it the rows in quarantine"
    if current.details.get("read_as") != read_as(source):
        raise DataError(f"source {source.name!r}: its reader or time zone has changed; {anew}")
    old = context.workspace.table(current.table).schema(current.version)
    for name, dtype in source.schema.items():
        if name not in old.names:
            raise DataError(f"source {source.name!r}: column {name!r} was not read before; {anew}")
        if not _carries(old.field(name).type, dtype.name):
            kept = type_name(old.field(name).type)
            raise DataError(
                f"source {source.name!r}: column {name!r} was kept as {kept}, not as it stood; {anew}"
            )


def _carries(old: pa.DataType, new: str) -> bool:
    """Whether a value of the one type is in the other what it would be if it were read anew."""
    before = type_name(old)
    widths = ("int", "decimal", "float")
    wider = [new.startswith(widths[at:]) for at, width in enumerate(widths[:2]) if before.startswith(width)]
    return before in (new, "string") or any(wider) or (before, new) == ("timestamp", "timestamp_ns")
