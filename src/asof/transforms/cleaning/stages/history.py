"""Nulls filled from other rows in SQL: those rows are given, see `asof.transforms.cleaning.given`."""

from __future__ import annotations

from asof.features.cleaning import FillPrevious, FillStatistic
from asof.features.types import Schema
from asof.transforms.cleaning.stages.stage import Stage, column, quoted, type_of


def previous(step: FillPrevious, table: str) -> Stage:
    """The value that was found for the row."""
    return _filled(step.column, "g._value", f"LEFT JOIN {table} AS g ON g._of = r._sequence")


def statistic(step: FillStatistic, table: str, columns: Schema) -> Stage:
    """The statistic of the row's group, from the version that is due to the row."""
    same = [f"g.{quoted(f'_by{place}')} = {column(name)}" for place, name in enumerate(step.by)]
    due = ["g._first <= r._sequence", "r._sequence < g._end", *same]
    value = f"CAST(g._value AS {type_of(columns[step.column])})"
    return _filled(step.column, value, f"LEFT JOIN {table} AS g ON {' AND '.join(due)}")


def _filled(name: str, value: str, given: str) -> Stage:
    return Stage({name: f"coalesce({column(name)}, {value})"}, given=given, unfilled="_v0 IS NULL")
