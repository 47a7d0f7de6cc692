"""Any cleaning step as a stage of the query."""

from __future__ import annotations

from asof.errors import DefinitionError
from asof.features.cleaning import (
    Age,
    Clip,
    Dedupe,
    Derive,
    DropColumns,
    DropWhere,
    Fill,
    FillPrevious,
    FillStatistic,
    Normalise,
    OneHot,
    ParseDate,
    ParseNumber,
    ParseQuantity,
    Rename,
    Replace,
    Respell,
    Split,
    Step,
    Trim,
)
from asof.features.expressions import Literal
from asof.features.source import Source
from asof.features.types import Schema
from asof.transforms.cleaning.stages import columns as of_columns
from asof.transforms.cleaning.stages import history, parsing, standards, text, values
from asof.transforms.cleaning.stages.stage import Stage, column
from asof.transforms.expressions import to_sql


def compiled(step: Step, columns: Schema, source: Source, table: str) -> Stage:
    """The stage of a step of `source` that is given `columns`; `table` is the one of the rows given to it."""
    match step:
        case DropWhere(condition):
            return Stage(drops=to_sql(condition))
        case Dedupe():
            return Stage()
        case Normalise():
            return standards.normalised(step, table)
        case FillPrevious():
            return history.previous(step, table)
        case FillStatistic():
            return history.statistic(step, table, columns)
        case ParseDate():
            return parsing.moment(step, source.timezone)
        case Age():
            return of_columns.aged(step, _event_time(source))
    return _of_row(step, columns)


def _of_row(step: Step, columns: Schema) -> Stage:
    match step:
        case Fill():
            return values.filled(step, columns)
        case Replace():
            return values.replaced(step, columns)
        case Derive():
            return values.derived(step)
        case Clip():
            return values.clipped(step, columns)
        case Trim():
            return text.trimmed(step)
        case Respell():
            return text.respelled(step)
        case Split():
            return text.pieces(step)
        case ParseNumber():
            return parsing.number(step)
        case ParseQuantity():
            return parsing.quantity(step)
        case OneHot():
            return of_columns.encoded(step, columns)
        case Rename():
            return of_columns.renamed(step)
        case DropColumns():
            return of_columns.left_out(step)
    raise DefinitionError(f"{step!r} is not a cleaning step")


def _event_time(source: Source) -> str:
    return to_sql(Literal(source.known_since)) if source.event_time is None else column(source.event_time)
