"""Running the functions of transforms over Arrow tables, and saying which row they fail on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from asof.errors import AsofError, DataError, DefinitionError, MissingExtra, choices
from asof.features.transform import Transform
from asof.features.types import Schema
from asof.storage.arrow_types import arrow_type, canonical

ROWS_AT_A_TIME = 1 << 17

Run = Callable[[pa.Table], Any]


def apply_transform(
    transform: Transform, rows: pa.Table, owner: str, named_by: pa.Table | None = None
) -> pa.Table:
    """The transform's outputs, row for row as in `rows`, in their declared types; NaN becomes null.

    Where the function fails on a row, DataError says for `owner` which one, by the row's values in
    `named_by`, else by its number. DefinitionError where it returns other columns, types or a number
    of rows other than it should.
    """
    inputs, run = inputs_of(transform, rows), function_of(transform)
    parts = []
    for first in range(0, rows.num_rows, ROWS_AT_A_TIME):
        part = inputs.slice(first, ROWS_AT_A_TIME)
        try:
            given = run(part)
        except Exception as error:
            failed = _failed(run, part, error)
            row = "" if failed.row is None else f" on {row_name(named_by, first + failed.row)}"
            raise DataError(
                f"{owner}: {transform.function.name!r} fails{row}: {transform.function.reason(failed.error)}"
            ) from error
        parts.append(checked_outputs(transform, given, part.num_rows, owner))
    return pa.concat_tables([output_schema(transform).empty_table(), *parts])


def output_schema(transform: Transform) -> pa.Schema:
    """The outputs as Arrow columns."""
    return arrow_schema(transform.outputs)


def arrow_schema(columns: Schema) -> pa.Schema:
    """Columns as tables hold them."""
    return pa.schema([(name, arrow_type(dtype.name)) for name, dtype in columns.items()])


def function_of(transform: Transform) -> Run:
    """The transform's function, from an Arrow table to whatever it returns, Arrow where it can be."""
    if transform.frame == "arrow":
        return transform.function.call
    try:
        import narwhals
    except ImportError:
        raise MissingExtra("a transform with frame='narwhals'", "narwhals") from None

    def run(rows: pa.Table) -> Any:
        given = transform.function.call(narwhals.from_native(rows, eager_only=True))
        return given.to_native() if isinstance(given, narwhals.DataFrame) else given

    return run


def inputs_of(transform: Transform, rows: pa.Table) -> pa.Table:
    """The columns that the function is given: those it declares, else all but Asof's own."""
    names = transform.inputs
    if names is None:
        names = tuple(name for name in rows.column_names if not name.startswith("_"))
    return rows.select(list(names))


def checked_outputs(transform: Transform, given: object, rows: int, owner: str) -> pa.Table:
    """What the function gave, in the declared order and types; else DefinitionError."""
    told = f"{owner}: {transform.function.name!r}"
    if not isinstance(given, pa.Table):
        kind = f"{type(given).__module__}.{type(given).__qualname__}".removeprefix("builtins.")
        raise DefinitionError(f"{told} returned a {kind}, expected {_EXPECTED[transform.frame]}")
    _check_names(transform, given, told)
    if given.num_rows != rows:
        raise DefinitionError(
            f"{told} returned {given.num_rows} rows for {rows}; it must give one for each, in the same order"
        )
    return pa.table(
        [_typed(told, field, given[field.name]) for field in output_schema(transform)],
        schema=output_schema(transform),
    )


_EXPECTED = {"arrow": "a pyarrow.Table", "narwhals": "a narwhals.DataFrame"}


def _check_names(transform: Transform, given: pa.Table, told: str) -> None:
    names, declared = given.column_names, transform.outputs
    for name in names:
        if name not in declared:
            raise DefinitionError(
                f"{told} returned a column {name!r} that outputs does not have; {choices(name, declared)}"
            )
        if names.count(name) > 1:
            raise DefinitionError(f"{told} returned two columns {name!r}")
    for name in declared:
        if name not in names:
            raise DefinitionError(f"{told} did not return the column {name!r}, only {', '.join(names)}")


def as_declared(values: pa.ChunkedArray, type: pa.DataType) -> pa.ChunkedArray | None:
    """Values in a type that is theirs but for the layout, NaN as null; None where they are of another.

    All nulls are of any type.
    """
    if not pa.types.is_null(values.type) and _kind(values.type) != type:
        return None
    typed = values.cast(type)
    if not pa.types.is_floating(type):
        return typed
    return pc.if_else(pc.is_nan(typed), pa.scalar(None, type), typed)


def _typed(told: str, field: pa.Field, values: pa.ChunkedArray) -> pa.ChunkedArray:
    typed = as_declared(values, field.type)
    if typed is None:
        raise DefinitionError(
            f"{told} returned {field.name!r} as {values.type}, declared is {field.type}; cast it"
        )
    return typed


def _kind(type: pa.DataType) -> pa.DataType:
    try:
        return canonical(type)
    except AsofError:
        return type


@dataclass(frozen=True)
class Failure:
    """What a function raised, and on which row alone it does so; None where on no single one."""

    error: Exception
    row: int | None


def _failed(run: Run, rows: pa.Table, error: Exception) -> Failure:
    """The row on which a function that has failed on `rows` fails, found by halving them."""
    first, count = 0, rows.num_rows
    while count > 1:
        half = count // 2
        if raised(run, rows.slice(first, half)):
            count = half
        else:
            first, count = first + half, count - half
    alone = raised(run, rows.slice(first, count))
    return Failure(alone, first) if alone and count else Failure(error, None)


def raised(run: Run, rows: pa.Table) -> Exception | None:
    """What the function raises on rows; None where it doesn't."""
    try:
        run(rows)
    except Exception as error:
        return error
    return None


def row_name(named_by: pa.Table | None, row: int) -> str:
    """How a message calls a row: by its values in `named_by`, else by its number."""
    if named_by is None:
        return f"row {row}"
    named = named_by.slice(row, 1)
    values = [f"{name} {named[name].cast(pa.string())[0].as_py()}" for name in named.column_names]
    return f"the row with {', '.join(values)}"
