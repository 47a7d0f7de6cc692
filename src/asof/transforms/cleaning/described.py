"""Cleaning steps in words, for run records and errors."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields

from asof.features.cleaning import (
    Clip,
    Dedupe,
    Derive,
    DropColumns,
    DropWhere,
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
)


def described(step: Step) -> str:
    """A step about as it is written in a definition.

    >>> described(Dedupe(("invoice", "line")))
    "dedupe('invoice', 'line')"
    """
    match step:
        case Replace(column, pairs):
            return f"replace({column!r}, {len(pairs)} values)"
        case DropWhere(condition):
            return f"drop_where({condition!r})"
        case Dedupe(columns, keep):
            return f"dedupe({_listed(columns)}{'' if keep == 'first' else f', keep={keep!r}'})"
        case Derive(name, dtype, value):
            return f"derive({name!r}, {dtype!r}, {value!r})"
        case Respell(column, way):
            return f"{way}({column!r})"
        case Clip(column, low, high):
            return f"clip({column!r}, {low!r}, {high!r})"
        case Split(column, into):
            return f"split({column!r}, into={list(into)})"
        case OneHot(column, categories):
            return f"one_hot({column!r}, {len(categories)} categories)"
        case Rename(pairs):
            return f"rename({dict(pairs)})"
        case DropColumns(columns):
            return f"drop_columns({_listed(columns)})"
    return _of_text(step)


def _of_text(step: Step) -> str:
    match step:
        case ParseNumber(column, dtype):
            return f"parse_number({column!r}, {dtype!r})"
        case ParseQuantity(column, unit):
            return f"parse_quantity({column!r}, {unit!r})"
        case ParseDate(column, formats):
            return f"parse_date({column!r}, {list(formats)})"
        case Normalise(column, standard, _, values):
            return (
                f"normalise({column!r}, {standard!r})"
                if standard
                else (f"normalise({column!r}, {len(values)} values)")
            )
        case FillPrevious(column, by):
            return f"fill_previous({column!r}, by={list(by)})"
        case FillStatistic(column, statistic, by):
            return f"fill_{statistic}({column!r}, by={list(by)})"
    arguments = [getattr(step, field.name) for field in fields(step)]
    return f"{type(step).__name__.lower()}({_listed(arguments)})"


def _listed(values: Iterable[object]) -> str:
    return ", ".join(map(repr, values))
