"""Columns as they come, text or Arrow, into columns of the declared types: exactly or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from asof.errors import DataError
from asof.features.contract import Contract
from asof.features.source import Source
from asof.ingest.batch import Fault
from asof.ingest.values.arrow import caster
from asof.ingest.values.target import Target, refusal
from asof.ingest.values.text import parser
from asof.ingest.values.texts import as_text
from asof.storage.arrow_types import arrow_type

Convert = Callable[[pa.ChunkedArray], pa.ChunkedArray]
Refused = list[tuple[int, str]]
"""Rows (from 0) whose value a column can't take, with the reason."""


GIVEN = "__given"
"""Ends the name of the column that has, as text, the values that a column of the schema can't take."""


def converted(values: pa.Table, source: Source) -> tuple[pa.Table, list[Fault]]:
    """The table in the source's schema, null at each fault, and the faults column by column.

    Where the contract takes in new columns, they follow as text; where it takes in values of another
    type, those of `amount` are in `amount__given`. Raises DataError where a column's type can't be
    read as the declared one at all.
    """
    columns, faults = {}, []
    for name, dtype in source.schema.items():
        target = Target(arrow_type(dtype.name), source.timezone, source.reader.nulls)
        columns[name], refused = _declared(values[name], name, target, source.contract)
        if refused and source.contract.types == "evolve":
            columns[name + GIVEN] = _only(as_text(values[name]), [row for row, _ in refused])
        else:
            frozen = source.contract.types == "freeze"
            faults += [Fault(row, name, f"{name}: {reason}", frozen) for row, reason in refused]
    for name in values.column_names:
        if name not in source.schema:
            column = _nulled(as_text(values[name]), source.reader.nulls)
            if source.contract.new_columns == "evolve":
                columns[name] = column
            faults += _undeclared(column, name, source.contract.new_columns)
    return pa.table({name: columns[name] for name in _in_order(columns, source)}), faults


def _declared(
    values: pa.ChunkedArray, name: str, target: Target, contract: Contract
) -> tuple[pa.ChunkedArray, Refused]:
    try:
        return convert(values, target)
    except DataError as error:
        if contract.types == "evolve":
            return convert(as_text(values), target)
        raise DataError(f"column {name!r}: {error}") from None


def _undeclared(column: pa.ChunkedArray, name: str, policy: str) -> list[Fault]:
    """The rows that bring a value in a column that the schema lacks, or where none does the first."""
    if policy not in ("freeze", "discard"):
        return []
    rows = np.flatnonzero(np.asarray(column.is_valid())).tolist()
    if policy == "freeze":
        rows = rows[:1] or list(range(min(1, len(column))))
    return [Fault(row, name, f"{name}: is no column of the schema", policy == "freeze") for row in rows]


def _only(text: pa.ChunkedArray, rows: list[int]) -> pa.ChunkedArray:
    chosen = np.zeros(len(text), dtype=bool)
    chosen[rows] = True
    return pc.if_else(pa.array(chosen), text, pa.scalar(None, pa.string()))


def _in_order(columns: Iterable[str], source: Source) -> list[str]:
    """The declared columns, then the others as they come."""
    return sorted(columns, key=lambda name: name not in source.schema)


def convert(values: pa.ChunkedArray, target: Target) -> tuple[pa.ChunkedArray, Refused]:
    """The column in the type of `target`, null where a value can't be taken, and those rows."""
    values = _plain(values)
    if values.type == target.type and not pt.is_string(values.type):
        return values, []
    if pt.is_string(values.type) or pt.is_binary(target.type):
        return _from_text(values, target)
    if pt.is_binary(values.type):
        return _from_bytes(values, target)
    column, rows = attempt(values, caster(values.type, target), target.type)
    return column, [(row, refusal(str(values[row]), target)) for row in rows]


def _plain(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """The values in the simplest layout of their kind, without NaN."""
    if pt.is_dictionary(values.type):
        return _plain(values.cast(values.type.value_type))
    if pt.is_large_string(values.type) or pt.is_string_view(values.type):
        return values.cast(pa.string())
    if pt.is_large_binary(values.type) or pt.is_fixed_size_binary(values.type):
        return values.cast(pa.binary())
    return without_nan(values)


def without_nan(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """The values with null for NaN."""
    if not pt.is_floating(values.type):
        return values
    return pc.if_else(pc.is_nan(values), pa.scalar(None, values.type), values)


def attempt(
    values: pa.ChunkedArray, convert: Convert, type: pa.DataType
) -> tuple[pa.ChunkedArray, list[int]]:
    """What `convert` makes of the values, null where it refuses (ArrowInvalid), and those rows."""
    try:
        return convert(values), []
    except pa.ArrowInvalid:
        distinct = pa.chunked_array([values.combine_chunks()]).chunk(0).dictionary_encode()
    refused: list[int] = []
    pieces = list(_sift(pa.chunked_array([distinct.dictionary]), convert, type, refused))
    sifted = pa.chunked_array([chunk for piece in pieces for chunk in piece.chunks], type)
    at_fault = pc.is_in(distinct.indices, pa.array(refused, distinct.indices.type))
    rows = np.flatnonzero(at_fault.to_numpy(zero_copy_only=False))
    return sifted.take(distinct.indices), rows.tolist()


def _sift(
    values: pa.ChunkedArray,
    convert: Convert,
    type: pa.DataType,
    refused: list[int],
    start: int = 0,
) -> Iterator[pa.ChunkedArray]:
    """Convert by halves down to the single values that `convert` refuses."""
    try:
        yield convert(values)
    except pa.ArrowInvalid:
        if len(values) == 1:
            refused.append(start)
            yield pa.chunked_array([pa.nulls(1, type)])
            return
        middle = len(values) // 2
        yield from _sift(values[:middle], convert, type, refused, start)
        yield from _sift(values[middle:], convert, type, refused, start + middle)


def _from_bytes(values: pa.ChunkedArray, target: Target) -> tuple[pa.ChunkedArray, Refused]:
    text, rows = attempt(values, lambda given: given.cast(pa.string()), pa.string())
    column, refused = _from_text(text, target)
    return column, [(row, "holds bytes that are no UTF-8") for row in rows] + refused


def _from_text(text: pa.ChunkedArray, target: Target) -> tuple[pa.ChunkedArray, Refused]:
    parse = parser(target)
    given = _nulled(text, target.nulls)
    try:
        return without_nan(parse(given)), []
    except pa.ArrowInvalid:
        trimmed = _nulled(pc.utf8_trim_whitespace(given), target.nulls)
    column, rows = attempt(trimmed, parse, target.type)
    return without_nan(column), [(row, refusal(repr(trimmed[row].as_py()), target)) for row in rows]


def _nulled(text: pa.ChunkedArray, nulls: tuple[str, ...]) -> pa.ChunkedArray:
    for null in nulls:
        means_null = pc.equal(text, pa.scalar(null, pa.string()).cast(text.type))
        if pc.any(means_null).as_py():
            text = pc.if_else(means_null, pa.scalar(None, text.type), text)
    return text
