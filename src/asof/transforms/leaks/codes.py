"""Columns of any type as small whole numbers, equal for equal values; null is a value of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from asof.transforms.draws import draws
from asof.transforms.kernels.instants import Ints
from asof.transforms.sketches.places import Floats, is_number, is_time

BINS = 32
"""Groups of equally many values that the numbers of a column are put into, where it has more."""


def floats(column: pa.ChunkedArray) -> Floats | None:
    """A column of numbers or times as floats, null as NaN; None of anything else."""
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.int8())
    elif is_time(column.type):
        column = column.cast(pa.int32() if pa.types.is_date(column.type) else pa.int64())
    elif not is_number(column.type):
        return None
    return np.asarray(column.cast(pa.float64(), safe=False).to_numpy(), np.float64)


def codes(column: pa.ChunkedArray) -> Ints:
    """The code of each value, counted from 0."""
    numbers = floats(column)
    values = draws(pa.table({"value": column}), ["value"], "value") if numbers is None else numbers
    return _ranked(values)


def binned(column: pa.ChunkedArray) -> Ints:
    """As `codes`, numbers by which of `BINS` groups they are in."""
    numbers = floats(column)
    if numbers is None:
        return codes(column)
    present = numbers[~np.isnan(numbers)]
    if len(np.unique(present)) <= BINS:
        return _ranked(numbers)
    edges = np.unique(np.quantile(present, np.linspace(0, 1, BINS + 1)[1:-1]))
    return np.where(np.isnan(numbers), len(edges) + 1, np.searchsorted(edges, numbers, side="left"))


def alike(columns: Sequence[pa.ChunkedArray]) -> list[Ints] | None:
    """The codes of several columns, equal for equal values in any of them; None where they can't be equal."""
    numbers = [floats(column) for column in columns]
    as_numbers = [each for each in numbers if each is not None]
    if len(as_numbers) == len(columns):
        together: npt.NDArray[Any] = np.concatenate(as_numbers)
    elif not as_numbers and len({str(column.type) for column in columns}) == 1:
        values = pa.chunked_array([chunk for column in columns for chunk in column.chunks], columns[0].type)
        together = draws(pa.table({"value": values}), ["value"], "value")
    else:
        return None
    return np.split(_ranked(together), np.cumsum([len(column) for column in columns])[:-1])


def positive(outcome: pa.ChunkedArray) -> npt.NDArray[np.bool_]:
    """An outcome without nulls as true and false: of numbers above the median, of texts the commonest."""
    if pa.types.is_boolean(outcome.type):
        return np.asarray(outcome.to_numpy(), bool)
    numbers = floats(outcome)
    if numbers is not None:
        above: npt.NDArray[np.bool_] = numbers > np.median(numbers)
        return above if above.any() else numbers >= np.median(numbers)
    coded = codes(outcome)
    return coded == np.bincount(coded).argmax()


def present(column: pa.ChunkedArray) -> npt.NDArray[np.bool_]:
    """Where a column is not null."""
    return np.asarray(pc.is_valid(column).to_numpy(), bool)


def _ranked(values: npt.NDArray[Any]) -> Ints:
    return np.unique(values, return_inverse=True)[1].reshape(-1).astype(np.int64)
