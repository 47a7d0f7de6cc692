"""Asof: features and training sets that are correct as of every cut-off, from definitions in your repository.

Importing it reads no file, starts no thread and loads no engine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from asof.errors import AsofError, Conflict, DataError, DefinitionError, MissingExtra, NotFound
from asof.features.aggregates import (
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
)
from asof.features.cleaning import dedupe, derive, drop_where, fill, keep_where, replace, trim
from asof.features.contract import Contract
from asof.features.entity import Entity
from asof.features.expectations import between, matches, not_null, one_of
from asof.features.expressions import col, sql
from asof.features.label import Label, each_event, every
from asof.features.on_demand import OnDemandFeatureView, on_demand_feature_view
from asof.features.readers import Files
from asof.features.service import FeatureService
from asof.features.source import Source
from asof.features.training_set import ByTime, TrainingSet
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
    "AsofError",
    "Bool",
    "ByTime",
    "Bytes",
    "Conflict",
    "Contract",
    "Count",
    "CountDistinct",
    "DataError",
    "Date",
    "DaysSinceLast",
    "Decimal",
    "DefinitionError",
    "Entity",
    "FeatureService",
    "FeatureView",
    "Files",
    "First",
    "Float32",
    "Float64",
    "Int8",
    "Int16",
    "Int32",
    "Int64",
    "Label",
    "Last",
    "LastN",
    "List",
    "Max",
    "Mean",
    "Min",
    "MissingExtra",
    "NotFound",
    "OnDemandFeatureView",
    "Ratio",
    "Source",
    "Std",
    "String",
    "Sum",
    "Timestamp",
    "TimestampNs",
    "TopK",
    "TrainingSet",
    "Transform",
    "between",
    "col",
    "dedupe",
    "derive",
    "drop_where",
    "each_event",
    "every",
    "feature_view",
    "fill",
    "keep_where",
    "matches",
    "not_null",
    "on_demand_feature_view",
    "one_of",
    "open",
    "replace",
    "sql",
    "trim",
]


def open(path: str = ".", profile: str | None = None, engine: str | Engine | None = None) -> Project:
    """Open the project in the folder `path` or in the nearest one above it that has an `asof.toml`.

    `profile` is one of that file; `engine` ("local", "dask", "spark", or one that was opened) goes before
    what it says.
    """
    from asof.project import Project

    return Project.open(path, profile, engine)
