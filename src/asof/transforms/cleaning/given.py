"""The rows that steps are given besides those that they clean: lists, and what nulls are filled with."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from asof.features.cleaning import FillPrevious, FillStatistic, Normalise
from asof.features.cleaning.lists.spellings import spellings
from asof.features.source import Source
from asof.features.types import DType, Schema
from asof.storage.arrow_types import arrow_type

Given = Mapping[int, pa.Table]
"""By the position of a step the rows that it is given: `previous_schema` or `statistic_schema`."""


def given_rows(source: Source, given: Given) -> dict[int, pa.Table]:
    """The rows of every step that takes some; none where they are not given."""
    rows: dict[int, pa.Table] = {}
    columns = source.schema
    for position, step in enumerate(source.clean):
        match step:
            case Normalise():
                rows[position] = _spellings(step)
            case FillPrevious():
                rows[position] = given.get(position, previous_schema(step, columns).empty_table())
            case FillStatistic():
                rows[position] = given.get(position, statistic_schema(step, columns).empty_table())
        columns = step.after(f"Source {source.name!r}", columns)
    return rows


def previous_schema(step: FillPrevious, columns: Schema) -> pa.Schema:
    """The `_value` for the null in the row with `_of` as its `_sequence`."""
    return pa.schema([("_of", pa.int64()), ("_value", wide_type(columns[step.column]))])


def statistic_schema(step: FillStatistic, columns: Schema) -> pa.Schema:
    """The `_value` of a group, for rows with a `_sequence` from `_first` until before `_end`."""
    by = [(f"_by{place}", wide_type(columns[name])) for place, name in enumerate(step.by)]
    return pa.schema([("_first", pa.int64()), ("_end", pa.int64()), *by, ("_value", pa.float64())])


def wide_type(dtype: DType) -> pa.DataType:
    """The type that a column has between steps: whole numbers are in 64 bits there."""
    return pa.int64() if dtype.is_integer else arrow_type(dtype.name)


def _spellings(step: Normalise) -> pa.Table:
    listed = spellings(step.standard) if step.standard else tuple((value, value) for value in step.values)
    names, values = zip(*listed, *step.aliases, strict=True)
    return pa.table({"_name": pa.array(names, pa.string()), "_value": pa.array(values, pa.string())})
