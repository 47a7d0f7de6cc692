"""On-demand features of a lookup: computed from what comes with the request and from what was read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from asof.errors import Conflict, DataError, NotFound
from asof.features.view import SEPARATOR
from asof.serving.keys import read_values
from asof.serving.vectors import Row
from asof.storage.arrow_types import arrow_type
from asof.storage.online.rows import arrow_column

Given = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class OnDemandFunction:
    """The code of an on-demand view, as this process has it.

    `definition` is the view as JSON data. `compute` gives, for each row of a table of the request's
    columns and the features that it needs, its features in columns `view__feature`.
    """

    definition: Mapping[str, Any]
    compute: Callable[[pa.Table], pa.Table]


OnDemandFunctions = Callable[[], Mapping[str, OnDemandFunction]]
"""Gives the code of on-demand views by name, when it is first needed."""


def no_functions() -> Mapping[str, OnDemandFunction]:
    """For lookups that have the catalogue and the online store, not the team's code."""
    return {}


@dataclass(frozen=True, slots=True)
class ServedOnDemand:
    """An on-demand view that can be computed here.

    `request`, `inputs` and `outputs` map names to dtype names: of the request's columns that it needs,
    of the features, `view__feature`, and of what it gives.
    """

    request: Mapping[str, str]
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]
    compute: Callable[[pa.Table], pa.Table]

    def values(self, columns: Mapping[str, Sequence[Any]]) -> list[list[Any]]:
        """The outputs, one list of values each, from the values of the columns."""
        types = {**self.request, **self.inputs}
        computed = self.compute(pa.table({name: _column(name, columns[name], types[name]) for name in types}))
        return [online_values(computed[name]) for name in self.outputs]


@dataclass(frozen=True, slots=True)
class OnDemand:
    """The on-demand views of a service.

    `request` maps the columns that come with a request to dtype names; `read` has the names of the
    features that are read, and `own` the places among them of those that the service gives itself.
    """

    request: Mapping[str, str]
    read: tuple[str, ...]
    own: tuple[int, ...]
    views: tuple[ServedOnDemand, ...]

    def rows(self, read: Sequence[Row], request: Mapping[str, Sequence[Any]]) -> list[Row]:
        """The rows of the service, from those that were read and the columns of the request."""
        columns = dict(request)
        for at, name in enumerate(self.read):
            columns[name] = [values[at] for values, _, _ in read]
        outputs = [column for view in self.views for column in view.values(columns)]
        return [_row(row, self.own, tuple([column[at] for column in outputs])) for at, row in enumerate(read)]


def _row(read: Row, own: Sequence[int], outputs: tuple[Any, ...]) -> Row:
    values, statuses, times = (tuple([part[at] for at in own]) for part in read)
    computed = tuple(["null" if value is None else "present" for value in outputs])
    return values + outputs, statuses + computed, times + (None,) * len(outputs)


def served_on_demand(
    owner: str,
    name: str,
    applied: Mapping[str, Any],
    inputs: Mapping[str, str],
    functions: Mapping[str, OnDemandFunction],
) -> ServedOnDemand:
    """The on-demand view of that name as it was applied; `inputs` are the features that it needs.

    NotFound where its code is not at hand, Conflict where that is not what was applied.
    """
    function = functions.get(name)
    if function is None:
        raise NotFound(
            f"{owner}: the code of on-demand view {name!r} is not at hand; "
            "look up through the project that defines it"
        )
    if function.definition != applied:
        raise Conflict(
            f"{owner}: the code of on-demand view {name!r} here differs from what was applied; "
            "take the code that was, or look with: asof plan, then: asof apply"
        )
    outputs = {f"{name}{SEPARATOR}{output}": dtype for output, dtype in applied["transform"]["outputs"]}
    return ServedOnDemand(dict(applied["request"]), inputs, outputs, function.compute)


def _column(name: str, values: Sequence[Any], dtype: str) -> pa.Array:
    try:
        return arrow_column(values, dtype)
    except (pa.ArrowInvalid, OverflowError) as error:
        raise DataError(f"request column {name!r} is not of {dtype}: {error}") from None


def online_values(column: pa.ChunkedArray) -> list[Any]:
    """The values of a column as an online store gives them: nanoseconds as `numpy.datetime64`."""
    if column.type != arrow_type("timestamp_ns"):
        return column.to_pylist()
    return [None if np.isnat(value) else value for value in column.to_numpy()]


def read_request(
    given: Given | Sequence[Given] | None, types: Mapping[str, str], rows: int, owner: str
) -> dict[str, list[Any]]:
    """The columns of the request for so many rows: one mapping for each of them, or one for all.

    DefinitionError where a column is missing or unknown, DataError where a value is of another type
    or there are other numbers of rows.
    """
    listed = [given] * rows if isinstance(given, Mapping) else list(given or [{}] * rows)
    if len(listed) != rows:
        raise DataError(f"{owner}: {len(listed)} rows of request for {rows} keys; give one for each, or one")
    values = [read_values(row, types, owner, "request column") for row in listed]
    columns = zip(*values, strict=True) if values else ((),) * len(types)
    return {name: list(column) for name, column in zip(types, columns, strict=True)}
