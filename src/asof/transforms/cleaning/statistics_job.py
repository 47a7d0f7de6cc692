"""The mean or median of each group of rows of an earlier version of a clean table."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from asof.features.cleaning import FillStatistic
from asof.features.source import Source
from asof.features.types import Schema
from asof.storage.arrow_types import arrow_type
from asof.storage.ordering import Ints
from asof.storage.tables import Table
from asof.transforms.cleaning.given import statistic_schema
from asof.transforms.cleaning.rejection import retracted
from asof.transforms.kernels.exact import Numbers, as_floats, numbers, scale_of
from asof.transforms.kernels.key_codes import key_codes


@dataclass(frozen=True)
class Due:
    """The version of a clean table from which rows `first` until before `end`, by `_sequence`, are filled.

    None: there was none before them.
    """

    first: int
    end: int
    version: tuple[Table, int] | None


def group_statistics(source: Source, task: tuple[int, Due]) -> pa.Table:
    """For the step at a position the value of each group, as `statistic_schema` has it.

    There is none where the version lacks a column that the step needs, or has it in another type.
    """
    position, due = task
    step = source.clean[position]
    assert isinstance(step, FillStatistic)
    schema = statistic_schema(step, source.columns)
    if due.version is None:
        return schema.empty_table()
    clean, number = due.version
    if not _fits(clean.schema(number), step, source.columns):
        return schema.empty_table()
    rows = _rows(clean, number, step, source)
    codes, first = _groups(rows, step.by)
    values = _of_groups(rows[step.column].combine_chunks(), codes, len(first), step.statistic)
    by = {f"_by{place}": rows[name].take(pa.array(first)) for place, name in enumerate(step.by)}
    bounds = {"_first": np.full(len(first), due.first), "_end": np.full(len(first), due.end)}
    return pa.table(bounds | by | {"_value": values}).cast(schema)


def _fits(there: pa.Schema, step: FillStatistic, columns: Schema) -> bool:
    return all(
        name in there.names and there.field(name).type == arrow_type(columns[name].name)
        for name in (step.column, *step.by)
    )


def _rows(clean: Table, version: int, step: FillStatistic, source: Source) -> pa.Table:
    """The rows of a version that have a value and a whole key; those that take a fact back have none."""
    there = clean.schema(version).names
    taken_back = [name for name in there if name == source.retracted]
    rows = clean.read(version, list(dict.fromkeys([*step.by, step.column, *taken_back])))
    for name in (step.column, *step.by):
        rows = rows.filter(pc.is_valid(rows[name]))
    return rows.filter(pc.invert(retracted(rows, source)))


def _groups(rows: pa.Table, by: tuple[str, ...]) -> tuple[Ints, Ints]:
    """The group of each row, and a row of each group."""
    codes = key_codes([rows], by)[0] if by else np.zeros(rows.num_rows, np.int64)
    return codes, np.unique(codes, return_index=True)[1].astype(np.int64)


def _of_groups(values: pa.Array, codes: Ints, groups: int, statistic: str) -> list[float | None]:
    order = np.argsort(codes, kind="stable")
    bounds = np.searchsorted(codes[order], np.arange(1, groups))
    parts = np.split(numbers(values)[order], bounds) if groups else []
    of = _mean if statistic == "mean" else _median
    found = [of(part, scale_of(values.type)) for part in parts]
    return [value if math.isfinite(value) else None for value in found]


def _mean(values: Numbers, scale: int) -> float:
    """The exact sum as the nearest float, over the number of values."""
    if values.dtype != np.float64:
        return sum(values.tolist()) / 10**scale / len(values)
    try:
        return math.fsum(values.tolist()) / len(values)
    except (OverflowError, ValueError):
        return math.nan


def _median(values: Numbers, scale: int) -> float:
    return float(np.median(as_floats(values, scale)))
