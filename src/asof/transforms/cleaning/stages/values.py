"""Constants, mappings, expressions and bounds in SQL."""

from __future__ import annotations

from collections.abc import Mapping

from asof.features.cleaning import Clip, Derive, Fill, Replace
from asof.features.expressions import Scalar
from asof.features.types import DType, Schema
from asof.transforms.cleaning.stages.stage import Stage, column, constant, type_of
from asof.transforms.expressions import to_sql


def filled(step: Fill, columns: Schema) -> Stage:
    """A constant for nulls."""
    value = constant(step.value, columns[step.column])
    return Stage({step.column: f"coalesce({column(step.column)}, {value})"})


def replaced(step: Replace, columns: Schema) -> Stage:
    """Values by a mapping."""
    return Stage({step.column: _mapped(column(step.column), dict(step.pairs), columns[step.column])})


def derived(step: Derive) -> Stage:
    """The value of an expression."""
    computed = f"CAST({to_sql(step.expression)} AS {type_of(step.dtype)})"
    return Stage({step.name: f"nullif({computed}, 'nan')" if step.dtype.is_float else computed})


def clipped(step: Clip, columns: Schema) -> Stage:
    """Values within bounds; nulls stay."""
    value, dtype = column(step.column), columns[step.column]
    cases = [
        f"WHEN {value} {beyond} {constant(bound, dtype)} THEN {constant(bound, dtype)}"
        for beyond, bound in (("<", step.low), (">", step.high))
        if bound is not None
    ]
    return Stage({step.column: f"CASE {' '.join(cases)} ELSE {value} END"})


def _mapped(value: str, pairs: Mapping[Scalar, Scalar], dtype: DType) -> str:
    cases = " ".join(
        f"WHEN {value} IS NOT DISTINCT FROM {constant(old, dtype)} THEN {constant(new, dtype)}"
        for old, new in pairs.items()
    )
    return f"CASE {cases} ELSE {value} END" if cases else value
