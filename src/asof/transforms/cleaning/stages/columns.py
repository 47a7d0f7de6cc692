"""Columns added, renamed and left out in SQL."""

from __future__ import annotations

from asof.features.cleaning import Age, DropColumns, OneHot, Rename
from asof.features.types import Schema
from asof.transforms.cleaning.stages.stage import Stage, column, constant


def encoded(step: OneHot, columns: Schema) -> Stage:
    """1 in the column of the row's category."""
    value, dtype = column(step.column), columns[step.column]
    known = [constant(category, dtype) for _, category in step.categories]
    is_none = f"coalesce({value} NOT IN ({', '.join(known)}), false)"
    sets = {
        name: f"CAST(coalesce({value} = {category}, false) AS BIGINT)"
        for (name, _), category in zip(step.categories, known, strict=True)
    }
    if step.other is not None:
        return Stage({**sets, step.other: f"CAST({is_none} AS BIGINT)"})
    return Stage(sets, unread=f"CASE WHEN {is_none} THEN CAST({value} AS VARCHAR) END")


def aged(step: Age, event_time: str) -> Stage:
    """Whole years from a date to the event."""
    value = f"""
        CASE WHEN CAST({column(step.column)} AS DATE) <= CAST({event_time} AS DATE) THEN
            year({event_time}) - year({column(step.column)})
            - CAST({_day_of_year(event_time)} < {_day_of_year(column(step.column))} AS BIGINT)
        END"""
    unread = (
        f"CASE WHEN _v0 IS NULL AND {event_time} IS NOT NULL THEN CAST({column(step.column)} AS VARCHAR) END"
    )
    return Stage({step.name: value}, unread=unread)


def renamed(step: Rename) -> Stage:
    """Columns by other names."""
    return Stage(renames={new: old for old, new in step.pairs})


def left_out(step: DropColumns) -> Stage:
    """Nothing: columns that are not among those after the step are not selected."""
    return Stage()


def _day_of_year(time: str) -> str:
    return f"(month({time}) * 100 + day({time}))"
