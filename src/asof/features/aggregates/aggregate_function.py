"""Aggregates of a team's own: functions in Python over the events in a window."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Any

from asof.errors import DefinitionError
from asof.features.aggregates.aggregate import Over, suffixed, windows
from asof.features.definition import assign, check_each, check_name, check_type, check_unique, definition
from asof.features.durations import ZERO, Duration
from asof.features.expressions import Expr, check_condition, columns_of
from asof.features.function import Function
from asof.features.types import DType, Schema, check_columns, dtype


@definition
class AggregateFunction:
    """A function that makes one value of an entity's events in a window, or several.

    It is called for an entity and a cut-off `t` with a table of the columns `inputs` of the events with
    `t - w < e <= t` that are known at `t`, in the order of event time, created time and ingestion; if it
    takes a second argument, that is `t`. Where there are no events it isn't called: its values are null.

    `outputs` is the type of the value that it returns, or those of several by name, which it returns in a
    mapping. `over`, `where` and `offset` are as of other aggregates. The features are called
    `name_30d`, or `name_output_30d` of several.
    """

    name: str
    function: Function
    inputs: tuple[str, ...]
    outputs: DType | Schema
    over: tuple[Duration | None, ...]
    where: Expr | None
    offset: Duration

    def __init__(
        self,
        function: Callable[..., Any],
        *,
        inputs: Iterable[str],
        outputs: DType | str | Mapping[str, DType | str],
        over: Over = None,
        where: Expr | None = None,
        offset: str | timedelta | Duration = ZERO,
        name: str | None = None,
    ) -> None:
        told = Function.of("AggregateFunction", function, ["the events", "the cut-off"])
        owner = f"AggregateFunction {told.name!r}"
        if where is not None:
            check_condition(f"{owner} where", where)
        assign(
            self,
            name=check_name("AggregateFunction", name or told.name),
            function=told,
            inputs=check_each(owner, "inputs", inputs, (str,)),
            outputs=_outputs(owner, outputs),
            over=windows(owner, over),
            where=where,
            offset=Duration.of(offset, f"{owner} offset"),
        )
        if not self.inputs:
            raise DefinitionError(f"{owner}: inputs is empty; name the columns that it is given")
        check_unique(owner, "inputs", self.inputs)

    @property
    def takes_cutoff(self) -> bool:
        """Whether the function is given the cut-off besides the events."""
        return self.function.arguments > 1

    @cached_property
    def types(self) -> Schema:
        """The types of what it gives, by output; a single one is called as the function itself."""
        return self.outputs if isinstance(self.outputs, Schema) else Schema({self.name: self.outputs})

    def check(self, owner: str, columns: Schema) -> None:
        """DefinitionError for `owner` where the function does not fit `columns`."""
        for name in sorted(self.reads()):
            columns.require(owner, f"input of {self.name!r}", name)

    def reads(self) -> frozenset[str]:
        """The columns that the function is given, and those that decide which events."""
        return frozenset(self.inputs) | (columns_of(self.where) if self.where is not None else frozenset())

    def expand(self, columns: Schema) -> tuple[FunctionFeature, ...]:
        """One feature for each window and output."""
        return tuple(
            FunctionFeature(suffixed(self._stem(output), window, self.offset), self, output, window, dtype)
            for window in self.over
            for output, dtype in self.types.items()
        )

    def _stem(self, output: str) -> str:
        return f"{self.name}_{output}" if isinstance(self.outputs, Schema) else self.name


@dataclass(frozen=True)
class FunctionFeature:
    """One output of an aggregate function over one window; None is all history."""

    name: str
    of: AggregateFunction
    output: str
    window: Duration | None
    dtype: DType

    @property
    def columns(self) -> frozenset[str]:
        """The columns that its value is computed from."""
        return self.of.reads()


def aggregate_function(
    *,
    inputs: Iterable[str],
    outputs: DType | str | Mapping[str, DType | str],
    over: Over = None,
    where: Expr | None = None,
    offset: str | timedelta | Duration = ZERO,
    name: str | None = None,
) -> Callable[[Callable[..., Any]], AggregateFunction]:
    """Make the function below it an `AggregateFunction`, called after it unless `name` is given."""

    def define(function: Callable[..., Any]) -> AggregateFunction:
        return AggregateFunction(
            function, inputs=inputs, outputs=outputs, over=over, where=where, offset=offset, name=name
        )

    return define


def _outputs(owner: str, given: object) -> DType | Schema:
    if not isinstance(given, Mapping):
        return dtype(check_type(owner, "outputs", given, DType | str))  # type: ignore[arg-type]
    if not given:
        raise DefinitionError(f"{owner}: outputs is empty; give the type of its value, as in outputs=Float64")
    for name in given:
        check_name(f"{owner} output", name)
    return check_columns(owner, Schema(given))
