"""Entities: what features are about."""

from __future__ import annotations

from collections.abc import Mapping

from asof.errors import DefinitionError
from asof.features.definition import assign, check_name, check_type, definition
from asof.features.types import DType, Schema, check_columns

_KEY_TYPES = ("int8", "int16", "int32", "int64", "string", "date")


@definition
class Entity:
    """A kind of thing that features describe, such as a customer, told apart by its keys.

    >>> Entity("customer", keys={"customer_id": "int64"})
    Entity('customer', keys={'customer_id': Int64})
    """

    name: str
    keys: Schema

    def __init__(self, name: str, *, keys: Mapping[str, DType | str]) -> None:
        check_name("Entity", name)
        check_type(f"Entity {name!r}", "keys", keys, Mapping)  # type: ignore[type-abstract]
        schema = check_columns(f"Entity {name!r}", Schema(keys))
        if not schema:
            raise DefinitionError(
                f"Entity {name!r} needs at least one key, as in keys={{'{name}_id': Int64}}"
            )
        for key, dtype in schema.items():
            if dtype.name not in _KEY_TYPES:
                raise DefinitionError(
                    f"Entity {name!r}: key {key!r} is {dtype!r}; a key is one of {', '.join(_KEY_TYPES)}"
                )
        assign(self, name=name, keys=schema)
