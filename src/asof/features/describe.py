"""Definitions as plain JSON data, and hashes of them."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from decimal import Decimal

from asof.features.durations import Duration
from asof.features.entity import Entity
from asof.features.expectations.arguments import Arguments
from asof.features.label import Label
from asof.features.on_demand import OnDemandFeatureView
from asof.features.service import FeatureService
from asof.features.source import Source
from asof.features.training_set import TrainingSet
from asof.features.types import DType, Schema
from asof.features.view import FeatureView

Definition = Entity | Source | FeatureView | OnDemandFeatureView | Label | FeatureService | TrainingSet
Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]

KINDS: dict[type, str] = {
    Entity: "entity",
    Source: "source",
    FeatureView: "view",
    OnDemandFeatureView: "on_demand",
    Label: "label",
    FeatureService: "service",
    TrainingSet: "training_set",
}


TAGS = ("float", "datetime", "date", "Decimal", "bytes", "Arguments")
"""What values that JSON has no word for are told by: `{"date": "2024-01-01"}`."""


def key_of(definition: Definition) -> str:
    """How a definition is named across a project: its kind and name, as in "view/spend"."""
    return f"{KINDS[type(definition)]}/{definition.name}"


def describe(definition: Definition) -> dict[str, Json]:
    """A definition as JSON data; other definitions in it are given by their keys.

    >>> describe(Entity("customer", keys={"customer_id": "int64"}))
    {'kind': 'Entity', 'name': 'customer', 'keys': [['customer_id', 'int64']]}
    """
    return _fields(definition, nested=False)


def definition_hash(*values: object) -> str:
    """A hash of definitions (or parts of them) and of all that they are made of: 16 hex digits.

    It depends on what is defined alone, not on the process, the machine or where it stands.
    """
    return json_hash([_plain(value, nested=True) for value in values])


def json_hash(value: object) -> str:
    """A hash of JSON data: 16 hex digits."""
    text = json.dumps(value, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _fields(value: object, *, nested: bool) -> dict[str, Json]:
    described: dict[str, Json] = {"kind": type(value).__name__}
    for field in (field for field in fields(value) if field.compare):  # type: ignore[arg-type]
        described[field.name] = _plain(getattr(value, field.name), nested=nested)
    return described


def _plain(value: object, *, nested: bool) -> Json:
    match value:
        case float() if not math.isfinite(value):
            return {"float": str(value)}
        case None | bool() | int() | float() | str():
            return value
        case Schema():
            return [[name, dtype.name] for name, dtype in value.items()]
        case Arguments():
            return _told_from_tags({name: _plain(item, nested=nested) for name, item in value.items()})
        case DType():
            return value.name
        case Duration():
            return str(value)
        case datetime() | date() | Decimal():
            return {_tag(value): str(value)}
        case bytes():
            return {"bytes": value.hex()}
        case tuple():
            return [_plain(item, nested=nested) for item in value]
        case _ if not nested and type(value) in KINDS:
            return key_of(value)  # type: ignore[arg-type]
        case _ if is_dataclass(value):
            return _fields(value, nested=nested)
    raise TypeError(f"{value!r} has no place in a definition")


def _tag(value: date | Decimal) -> str:
    return next(kind.__name__ for kind in (datetime, date, Decimal) if isinstance(value, kind))


def _told_from_tags(arguments: dict[str, Json]) -> Json:
    """Arguments as they are, unless they look like a value that is told by its tag."""
    return {"Arguments": arguments} if len(arguments) == 1 and arguments.keys() <= {*TAGS} else arguments
