"""Holding transforms against a sample of rows before anything is computed with them."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from asof.errors import DefinitionError
from asof.features.on_demand import OnDemandFeatureView
from asof.features.transform import Transform
from asof.features.view import FeatureView
from asof.transforms.python_transforms import (
    apply_transform,
    arrow_schema,
    checked_outputs,
    function_of,
    inputs_of,
    raised,
    row_name,
)
from asof.transforms.view_rows import derive_steps, names_of_rows

SAMPLE_ROWS = 100


def check_view_transform(view: FeatureView, views: dict[str, FeatureView], clean: pa.Table | None) -> None:
    """DefinitionError where the transform of a view, if it has one, doesn't do what it declares.

    It is tried on no rows and on the first of `clean`, the cleaned rows of the view's source, as far as
    there are any; DataError where it fails on one. What other views add is null in these.
    """
    if view.transform is None:
        return
    owner, enriched = f"FeatureView {view.name!r}", arrow_schema(view.enriched_columns(views))
    empty = derive_steps(enriched.empty_table(), view)
    _check_on_no_rows(view.transform, owner, empty)
    if clean is None or not clean.num_rows:
        _check_on_made_rows(view.transform, owner, empty.schema)
    else:
        rows = derive_steps(filled_up(clean.slice(0, SAMPLE_ROWS), enriched), view)
        _check_row_wise(view.transform, owner, rows, names_of_rows(rows, view))


def check_on_demand(view: OnDemandFeatureView, views: dict[str, FeatureView]) -> None:
    """DefinitionError where the transform of an on-demand view does not do what it declares."""
    owner, columns = f"OnDemandFeatureView {view.name!r}", arrow_schema(view.columns(views))
    _check_on_no_rows(view.transform, owner, columns.empty_table())
    _check_on_made_rows(view.transform, owner, columns)


def _check_on_no_rows(transform: Transform, owner: str, empty: pa.Table) -> None:
    run, inputs = function_of(transform), inputs_of(transform, empty)
    if error := raised(run, inputs):
        raise DefinitionError(
            f"{owner}: {transform.function.name!r} fails on a table without rows: "
            f"{transform.function.reason(error)}"
        ) from error
    checked_outputs(transform, run(inputs), 0, owner)


def _check_on_made_rows(transform: Transform, owner: str, columns: pa.Schema) -> None:
    """Try a transform on rows made up for it, unless it fails on them: it need not take any value."""
    rows = made_rows(columns)
    if raised(function_of(transform), inputs_of(transform, rows)) is None:
        _check_row_wise(transform, owner, rows, None)


def _check_row_wise(transform: Transform, owner: str, rows: pa.Table, named_by: pa.Table | None) -> None:
    """DefinitionError where a row's outputs are others when it comes alone."""
    together = apply_transform(transform, rows, owner, named_by)
    alone = pa.concat_tables(
        apply_transform(transform, rows.slice(row, 1), owner, named_by and named_by.slice(row, 1))
        for row in range(rows.num_rows)
    )
    for name in together.column_names:
        differing = np.flatnonzero(_differ(together[name], alone[name]))
        if len(differing):
            raise DefinitionError(
                f"{owner}: {transform.function.name!r} gives another {name!r} for "
                f"{row_name(named_by, int(differing[0]))} when it is called with that row alone; "
                "a row's outputs may depend on that row only, else they could tell of later ones"
            )


def _differ(one: pa.ChunkedArray, other: pa.ChunkedArray) -> np.ndarray:
    """Whether values differ, row by row; floats by more than what rounding makes."""
    null = pc.xor(pc.is_null(one), pc.is_null(other))
    if pa.types.is_floating(one.type):
        same = np.isclose(one.to_numpy(), other.to_numpy(), rtol=1e-6, atol=0, equal_nan=True)
    else:
        same = np.asarray(pc.fill_null(pc.equal(one, other), True))
    return np.asarray(null) | ~same


def filled_up(rows: pa.Table, columns: pa.Schema) -> pa.Table:
    """Rows with the columns that they lack as nulls."""
    for field in columns:
        if field.name not in rows.column_names:
            rows = rows.append_column(field, pa.nulls(rows.num_rows, field.type))
    return rows


def made_rows(columns: pa.Schema) -> pa.Table:
    """A few rows of those columns, each with other values."""
    return pa.table([_made(field.type) for field in columns], schema=columns)


def _made(type: pa.DataType) -> pa.Array:
    numbers = pa.array(range(4))
    if pa.types.is_decimal(type):
        return pa.array([Decimal(number).scaleb(-type.scale) for number in range(4)], type)
    if pa.types.is_binary(type):
        numbers = numbers.cast(pa.string())
    if pa.types.is_date(type):
        numbers = numbers.cast(pa.int32())
    return numbers.cast(type)
