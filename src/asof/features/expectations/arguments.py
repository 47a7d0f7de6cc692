"""The arguments of expectations: plain values, as deep as they go."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from datetime import date
from decimal import Decimal

from asof.errors import DefinitionError


class Arguments(Mapping[str, object]):
    """Named values by name; immutable and hashable, where 1, 1.0 and True are three values.

    >>> Arguments({"min_value": 1, "column": "amount"})
    {'column': 'amount', 'min_value': 1}
    """

    __slots__ = ("_values",)

    def __init__(self, given: Mapping[str, object]) -> None:
        self._values = {name: _frozen(given[name]) for name in sorted(given)}

    def __getitem__(self, name: str) -> object:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __hash__(self) -> int:
        return hash(repr(self))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Arguments) and repr(self) == repr(other)

    def __repr__(self) -> str:
        return repr(self._values)


def as_json(value: object) -> object:
    """An argument as JSON data: times and decimals as text."""
    match value:
        case Mapping():
            return {name: as_json(item) for name, item in value.items()}
        case tuple():
            return [as_json(item) for item in value]
        case date() | Decimal():
            return str(value)
        case bytes():
            return value.hex()
    return value


def _frozen(value: object) -> object:
    match value:
        case Mapping():
            return Arguments(value)
        case Set():
            return tuple(sorted((_frozen(item) for item in value), key=repr))
        case list() | tuple():
            return tuple(_frozen(item) for item in value)
        case None | bool() | int() | float() | str() | bytes() | date() | Decimal():
            return value
    raise DefinitionError(f"{value!r} ({type(value).__name__}) can't be an expectation's argument")
