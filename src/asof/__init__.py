"""Asof: features and training sets that are correct as of every cut-off, from definitions in your repository.

Importing it reads no file, starts no thread and loads no engine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from asof.errors import AsofError, Conflict, DataError, DefinitionError, MissingExtra, NotFound
from asof.features.aggregates import (
    AggregateFunction,
    Count,
    CountDistinct,
    DaysSinceLast,
    First,
    Last,
    LastN,
    Max,
    Mean,
    Min,
    Ratio,
    Std,
    Sum,
    TopK,
    aggregate_function,
)
from asof.features.cleaning import (
    age,
    clip,
    dedupe,
    derive,
    drop_columns,
    drop_nulls,
    drop_where,
    fill,
    fill_mean,
    fill_median,
    fill_previous,
    keep_where,
    lower,
    normalise,
    one_hot,
    parse_date,
    parse_number,
    parse_quantity,
    rename,
    replace,
    split,
    strip_accents,
    title,
    trim,
    upper,
)
from asof.features.contract import Contract
from asof.features.entity import Entity
from asof.features.expectations import (
    Expectation,
    between,
    expect,
    fresh,
    greater,
    growth,
    matches,
    not_null,
    of_suite,
    one_of,
    references,
    row_count,
    stable,
    unique,
    volume,
)
from asof.features.expressions import col, sql
from asof.features.label import Label, each_event, every
from asof.features.on_demand import OnDemandFeatureView, on_demand_feature_view
from asof.features.readers import Debezium, Delta, Dlt, Files, Iceberg, Kafka, Push, Python, Snapshot, Sql
from asof.features.sampling import Balance, Sample
from asof.features.service import FeatureService
from asof.features.source import Source
from asof.features.splits import ByEntity, ByTime
from asof.features.training_set import TrainingSet
from asof.features.transform import Transform
from asof.features.types import (
    Bool,
    Bytes,
    Date,
    Decimal,
    Float32,
    Float64,
    Int8,
    Int16,
    Int32,
    Int64,
    List,
    Map,
    String,
    Timestamp,
    TimestampNs,
)
from asof.features.view import FeatureView, feature_view
from asof.version import __version__ as __version__

if TYPE_CHECKING:
    from asof.project import Project
    from asof.transforms.engines.engine import Engine

__all__ = [
    "AggregateFunction",
    "AsofError",
    "Balance",
    "Bool",
    "ByEntity",
    "ByTime",
    "Bytes",
    "Conflict",
    "Contract",
    "Count",
    "CountDistinct",
    "DataError",
    "Date",
    "DaysSinceLast",
    "Debezium",
    "Decimal",
    "DefinitionError",
    "Delta",
    "Dlt",
    "Entity",
    "FeatureService",
    "FeatureView",
    "Files",
    "First",
    "Float32",
    "Float64",
    "Iceberg",
    "Int8",
    "Int16",
    "Int32",
    "Int64",
    "Kafka",
    "Label",
    "Last",
    "LastN",
    "List",
    "Map",
    "Max",
    "Mean",
    "Min",
    "MissingExtra",
    "NotFound",
    "OnDemandFeatureView",
    "Push",
    "Python",
    "Ratio",
    "Sample",
    "Snapshot",
    "Source",
    "Sql",
    "Std",
    "String",
    "Sum",
    "Timestamp",
    "TimestampNs",
    "TopK",
    "TrainingSet",
    "Transform",
    "age",
    "aggregate_function",
    "between",
    "clip",
    "col",
    "dedupe",
    "derive",
    "drop_columns",
    "drop_nulls",
    "drop_where",
    "each_event",
    "every",
    "expect",
    "feature_view",
    "fill",
    "fill_mean",
    "fill_median",
    "fill_previous",
    "fresh",
    "from_suite",
    "greater",
    "growth",
    "keep_where",
    "lower",
    "matches",
    "normalise",
    "not_null",
    "on_demand_feature_view",
    "one_hot",
    "one_of",
    "open",
    "parse_date",
    "parse_number",
    "parse_quantity",
    "push",
    "references",
    "rename",
    "replace",
    "row_count",
    "split",
    "sql",
    "stable",
    "strip_accents",
    "title",
    "trim",
    "unique",
    "upper",
    "volume",
]


def open(
    path: str = ".",
    profile: str | None = None,
    engine: str | Engine | None = None,
    environment: str = "",
) -> Project:
    """Open the project in the folder `path` or in the nearest one above it that has an `asof.toml`.

    `profile` is one of that file; `engine` ("local", "dask", "spark", or one that was opened) goes before
    what it says. In an `environment` plan, apply, run and build work beside production.
    """
    from asof.project import Project

    return Project.open(path, profile, engine, environment)


def push(source: str, rows: object, *, key: str | None = None, path: str = ".") -> int:
    """Push rows to a source of the project in the folder `path` or above it: see `Project.push`."""
    with open(path) as project:
        return project.push(source, rows, key=key)


def from_suite(suite: object, *, on_fail: str | None = None) -> list[Expectation]:
    """The expectations of a suite of Great Expectations 1.x, for `Source(expect=[...])`.

    `suite` is an `ExpectationSuite`, a list of expectations, JSON data, or the path of a JSON file, for which
    Great Expectations is not needed. What happens where one is not met: `on_fail`, else "on_fail" in its own
    metadata, else as its severity says: a critical one fails, others warn.
    """
    import json
    from os import PathLike
    from pathlib import Path

    if isinstance(suite, str | PathLike):
        suite = json.loads(Path(suite).read_text(encoding="utf-8"))
    return of_suite(suite, on_fail)
