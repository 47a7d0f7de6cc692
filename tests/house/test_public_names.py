"""The public names. A change here is a change for everybody who uses Asof."""

from __future__ import annotations

import asof

PUBLIC = [
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
    "Int16",
    "Int32",
    "Int64",
    "Int8",
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


def test_public_names() -> None:
    assert sorted(asof.__all__) == sorted(PUBLIC)


def test_every_public_name_is_there_and_says_what_it_is() -> None:
    for name in asof.__all__:
        value = getattr(asof, name)
        assert not callable(value) or value.__doc__, name
