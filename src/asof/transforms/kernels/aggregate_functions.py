"""Aggregate functions: a team's own code, called for each cut-off with the events that it sees."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from asof.errors import DataError, DefinitionError, choices
from asof.features.aggregates import AggregateFunction, FunctionFeature
from asof.features.durations import Duration
from asof.features.types import Schema
from asof.storage.arrow_types import arrow_type
from asof.transforms.expressions import mask
from asof.transforms.kernels.timeline import Timeline
from asof.transforms.kernels.values import column_of, fitting


@dataclass(frozen=True, eq=False)
class Calls:
    """The calls of aggregate functions at each of `labels`, with which and `rows` the timeline was made.

    Errors are of `owner` and tell a call by the entity's `keys` and the cut-off.
    """

    owner: str
    timeline: Timeline
    labels: pa.Table
    rows: pa.Table
    keys: Sequence[str]

    def values(self, features: Sequence[FunctionFeature]) -> list[pa.ChunkedArray]:
        """For each feature its value for each label; null where it sees no event.

        DataError where a function fails, DefinitionError where it returns other than it declares.
        """
        asked = dict.fromkeys((feature.of, feature.window) for feature in features)
        found = {call: self._of_window(*call) for call in asked}
        return [found[feature.of, feature.window][feature.output] for feature in features]

    def _of_window(self, function: AggregateFunction, window: Duration | None) -> pa.Table:
        columns: dict[str, list[Any]] = {name: [] for name in function.types}
        for label, events in enumerate(self._seen(function, window)):
            values = self._outputs(function, label, events) if events.num_rows else {}
            for name, column in columns.items():
                column.append(values.get(name))
        types = {name: arrow_type(dtype.name) for name, dtype in function.types.items()}
        return pa.table({name: column_of(values, types[name]) for name, values in columns.items()})

    def _seen(self, function: AggregateFunction, window: Duration | None) -> Iterator[pa.Table]:
        """For each label what the function is given of the rows that it sees, each column in one piece."""
        line, rows = self.timeline, self.rows
        passing = np.ones(len(line.order), bool)
        if function.where is not None:
            passing = mask(function.where, rows)[line.order]
        places = np.flatnonzero(passing)
        events = rows.select(list(function.inputs)).take(pa.array(line.order[places])).combine_chunks()
        before = np.concatenate([[0], np.cumsum(passing)])
        bounds = (before[edge].tolist() for edge in line.window(window, function.offset))
        for label, (first, end) in enumerate(zip(*bounds, strict=True)):
            seen = line.sees(label, places[first:end]) if line.hides else np.ones(end - first, bool)
            inside = events.slice(first, end - first)
            yield inside if seen.all() else inside.filter(pa.array(seen)).combine_chunks()

    def _outputs(self, function: AggregateFunction, label: int, events: pa.Table) -> dict[str, pa.Scalar]:
        arguments = (events, self._cutoffs[label]) if function.takes_cutoff else (events,)
        try:
            given = function.function.call(*arguments)
        except Exception as error:
            raise DataError(
                f"{self._told(function)} fails {self._at(label)}: {function.function.reason(error)}"
            ) from error
        try:
            return _typed(function, given)
        except ValueError as error:
            raise DefinitionError(f"{self._told(function)} returned {error}, {self._at(label)}") from error

    def _told(self, function: AggregateFunction) -> str:
        return f"{self.owner}: {function.name!r}"

    def _at(self, label: int) -> str:
        key = ", ".join(f"{name} {self.labels[name][label].as_py()}" for name in self.keys)
        return f"for {key} at the cut-off {self._cutoffs.cast(pa.string())[label].as_py()}"

    @cached_property
    def _cutoffs(self) -> pa.ChunkedArray:
        """The cut-offs in the unit of the event times, whatever that of the labels is."""
        unit = self.rows.schema.field("_event_time").type.unit
        return self.labels["cutoff"].cast(pa.timestamp(unit, "UTC"), safe=False)


def _typed(function: AggregateFunction, given: object) -> dict[str, pa.Scalar]:
    """The values of the outputs in their types; ValueError says what was given instead."""
    types = function.types
    values: Mapping[str, object] = {function.name: given}
    if isinstance(function.outputs, Schema):
        values = _of_outputs(given, types)
    return {name: _fitted(name, values[name], types) for name in types}


def _of_outputs(given: object, types: Schema) -> Mapping[str, object]:
    if not isinstance(given, Mapping):
        raise ValueError(f"a {type(given).__name__}, expected a mapping with {', '.join(types)}")
    for name in given:
        if name not in types:
            raise ValueError(f"{name!r} that outputs does not have ({choices(str(name), types)})")
    for name in types:
        if name not in given:
            raise ValueError(f"no {name!r}, only {', '.join(given) or 'nothing'}")
    return given


def _fitted(name: str, value: object, types: Schema) -> pa.Scalar:
    found = fitting(value, arrow_type(types[name].name))
    if found is None:
        raise ValueError(f"{value!r} as {name!r}, declared is {types[name]!r}")
    return found
