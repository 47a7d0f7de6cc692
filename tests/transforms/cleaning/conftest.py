"""Cleaning of rows that are written column by column."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pytest

from asof.features.cleaning import Step
from asof.features.readers import Files
from asof.features.source import Source
from asof.features.types import DType, Schema
from asof.storage.arrow_types import arrow_type
from asof.transforms.cleaning.clean import Cleaned, clean

Columns = Mapping[str, tuple[DType, Sequence[Any]]]
Clean = Callable[..., Cleaned]


@pytest.fixture(scope="session")
def source_of() -> Callable[..., Source]:
    def make(columns: Columns, *steps: Step, **given: Any) -> Source:
        times = given if "event_time" in given else {"known_since": "2024-01-01", **given}
        schema = {name: dtype for name, (dtype, _) in columns.items()}
        return Source("rows", reader=Files("rows.csv"), schema=schema, clean=steps, **times)

    return make


@pytest.fixture(scope="session")
def rows_of() -> Callable[[Columns], pa.Table]:
    def make(columns: Columns) -> pa.Table:
        schema = Schema({name: dtype for name, (dtype, _) in columns.items()})
        arrays = {
            name: pa.array(values, arrow_type(schema[name].name)) for name, (_, values) in columns.items()
        }
        size = len(next(iter(arrays.values())))
        return pa.table({**arrays, "_sequence": pa.array(range(size), pa.int64())})

    return make


@pytest.fixture(scope="session")
def cleaned(source_of: Callable[..., Source], rows_of: Callable[[Columns], pa.Table]) -> Clean:
    """Cleans columns by steps: `cleaned({"n": (Int64, [1, 2])}, clip("n", high=1))`."""

    def run(columns: Columns, *steps: Step, **given: Any) -> Cleaned:
        return clean(rows_of(columns), source_of(columns, *steps, **given))

    return run
