"""A source's contract: which columns are read, and which rows are not as those before them.

Only rows that were taken in count as "before", and they are judged commit by commit, so that a run
that was killed and run again judges as an undisturbed one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from asof.errors import DataError
from asof.features.contract import Contract
from asof.features.source import Source
from asof.ingest.batch import Batch, Fault, Rejection, rejected_table
from asof.ingest.schema.inference import inferred, kind, types_of, wider
from asof.storage.quarantine import json_rows

LINE = "_line"
"""A column of rows on their way to be judged: the line of those that may be at fault, else null."""

_OWN = (LINE, "_sequence")


def kept(names: Sequence[str], source: Source) -> list[str]:
    """The columns to read of those that are there: the declared ones, then others if the contract asks.

    DataError where a new one can't be told from another.
    """
    declared = list(source.schema)
    if source.contract.new_columns == "ignore":
        return declared
    new = [name for name in names if name not in source.schema]
    for name, count in Counter(new).items():
        if count > 1:
            raise DataError(f"has column {name!r} {count} times; the contract can't tell them apart")
        if name in _OWN or not name:
            raise DataError(f"a new column can't be named {name!r}; rename it, or ignore new columns")
    return declared + new


def ignored(names: Iterable[str], source: Source) -> frozenset[str]:
    """The columns that the contract leaves out of those that are there."""
    if source.contract.new_columns != "ignore":
        return frozenset()
    return frozenset(name for name in names if name and name not in source.schema)


def judged(rows: pa.Table, source: Source) -> np.ndarray[Any, np.dtype[np.int64]]:
    """The rows that `held` may find at fault."""
    found: list[np.ndarray[Any, Any]] = []
    if source.contract.new_nulls != "evolve":
        found += [_rows_where(rows[name].is_null()) for name in source.schema]
    if _freezes_kinds(source.contract):
        found += [_first_and_unlike(rows[name]) for name in new_columns(rows, source)]
    return np.unique(np.concatenate(found)) if found else np.array([], np.int64)


@dataclass(frozen=True)
class Known:
    """What the rows taken in so far have shown.

    `rows` is their number, `nullable` the declared columns with a null among them, `columns` the
    columns that the schema lacks, each with its inferred type, None where all values are null; `ignored`
    are the columns that were there and not read.
    """

    rows: int = 0
    nullable: frozenset[str] = frozenset()
    columns: Mapping[str, str | None] = field(default_factory=dict)
    ignored: frozenset[str] = frozenset()

    @classmethod
    def of(cls, details: Mapping[str, Any]) -> Self:
        """What the details of a table version say."""
        known = details.get("known", {})
        nullable, left_out = frozenset(known.get("nullable", ())), frozenset(known.get("ignored", ()))
        return cls(known.get("rows", 0), nullable, known.get("columns", {}), left_out)

    def described(self) -> dict[str, Any]:
        """As details of a table version; empty where there is nothing to tell."""
        known: dict[str, Any] = {}
        if self.rows or self.columns:
            known = {"rows": self.rows, "nullable": sorted(self.nullable), "columns": dict(self.columns)}
        if self.ignored:
            known["ignored"] = sorted(self.ignored)
        return {"known": known} if known else {}

    def after(self, rows: pa.Table, source: Source) -> Known:
        """What is known once these rows are taken in."""
        if not _remembers(source.contract):
            return self
        nullable = {name for name in source.schema if rows[name].null_count}
        columns = dict(self.columns)
        for name in new_columns(rows, source):
            found = [each for each in (columns.get(name), inferred(rows[name])) if each]
            columns[name] = reduce(wider, found) if found else None
        return replace(
            self, rows=self.rows + rows.num_rows, nullable=self.nullable | nullable, columns=columns
        )


def held(batches: Sequence[Batch], source: Source, known: Known) -> tuple[list[Batch], Known]:
    """Batches without the rows that are not as `known`, which go to quarantine; and what is known then.

    A null counts as new where the rows before these batches had none in its column, a kind of value
    (number, time, flag or text) where the column's values before were of another. DataError for a
    row that the contract freezes out.
    """
    known = replace(known, ignored=known.ignored.union(*(batch.ignored for batch in batches)))
    if not _remembers(source.contract):
        return list(batches), known
    judged_batches, before = [], known
    for batch in batches:
        batch = _without(batch, list(faults_of(batch.rows, source, before, known)), source)
        known = known.after(batch.rows, source)
        judged_batches.append(batch)
    return judged_batches, known


def faults_of(rows: pa.Table, source: Source, before: Known, known: Known) -> Iterator[Fault]:
    """The values that are not as those before: nulls against `before`, kinds against `known`."""
    if source.contract.new_nulls != "evolve" and before.rows:
        yield from _new_nulls(rows, source, before)
    if _freezes_kinds(source.contract):
        for name in new_columns(rows, source):
            yield from _other_kinds(rows[name], name, known.columns.get(name))


def frozen_out(where: str, fault: Fault) -> DataError:
    """The error for a fault that the contract freezes out."""
    return DataError(f"{where}: {fault.reason}; mend the row, or change the source's contract")


def new_columns(rows: pa.Table, source: Source) -> list[str]:
    """The columns of rows that the schema lacks."""
    return [name for name in rows.column_names if name not in source.schema and name not in _OWN]


def _new_nulls(rows: pa.Table, source: Source, before: Known) -> Iterator[Fault]:
    for name in source.schema:
        if name not in before.nullable and rows[name].null_count:
            reason = f"{name}: is null, where {before.rows:,} rows before it had a value"
            for row in _rows_where(pc.and_(rows[name].is_null(), _not_retracted(rows, source))):
                yield Fault(int(row), name, reason, source.contract.new_nulls == "freeze")


def _not_retracted(rows: pa.Table, source: Source) -> pa.ChunkedArray:
    if source.retracted in rows.column_names:
        return pc.invert(pc.fill_null(rows[source.retracted], False))
    return pa.chunked_array([pa.repeat(True, rows.num_rows)])


def _other_kinds(text: pa.ChunkedArray, name: str, before: str | None) -> Iterator[Fault]:
    types = types_of(text)
    first = before or next((found for found in types.to_pylist() if found), "string")
    for row in _unlike(types, first):
        reason = f"{name}: {text[int(row)].as_py()!r} is {types[int(row)]}, the values before are {first}"
        yield Fault(int(row), name, reason, frozen=True)


def _first_and_unlike(text: pa.ChunkedArray) -> np.ndarray[Any, Any]:
    types = types_of(text)
    given = _rows_where(types.is_valid())[:1]
    return np.concatenate([given, _unlike(types, types[int(given[0])].as_py())]) if len(given) else given


def _unlike(types: pa.Array, first: str) -> np.ndarray[Any, Any]:
    """The rows whose value is of another kind; text is of every kind."""
    if first == "string":
        return np.array([], np.int64)
    return _rows_where(pc.and_(pc.invert(pc.is_in(types, pa.array(kind(first)))), types.is_valid()))


def _rows_where(mask: pa.Array | pa.ChunkedArray) -> np.ndarray[Any, Any]:
    return np.flatnonzero(np.asarray(mask))


def _without(batch: Batch, faults: Sequence[Fault], source: Source) -> Batch:
    lined = LINE in batch.rows.column_names
    rows = batch.rows.drop_columns([LINE]) if lined else batch.rows
    if not faults:
        return replace(batch, rows=rows)
    by_row = {fault.row: fault for fault in sorted(faults, key=lambda fault: fault.row, reverse=True)}
    at = sorted(by_row)
    lines = batch.rows[LINE].take(at).to_pylist() if lined else [None] * len(at)
    for row, line in zip(at, lines, strict=True):
        if by_row[row].frozen:
            where = f"source {source.name!r}: {batch.origin}" + (f", line {line}" if line else "")
            raise frozen_out(where, by_row[row])
    rejections = [
        Rejection(line, raw, by_row[row].reason, by_row[row].column)
        for row, line, raw in zip(at, lines, json_rows(rows.take(at)), strict=True)
    ]
    good = np.ones(rows.num_rows, dtype=bool)
    good[at] = False
    return replace(
        batch,
        rows=rows.filter(pa.array(good)),
        rejected=pa.concat_tables([batch.rejected, rejected_table(rejections, batch.origin)]),
    )


def _remembers(contract: Contract) -> bool:
    """Whether what rows have shown is kept."""
    return contract.new_columns == "evolve" or contract.new_nulls != "evolve" or contract.types == "evolve"


def _freezes_kinds(contract: Contract) -> bool:
    return contract.new_columns == "evolve" and contract.types == "freeze"
