"""Definitions restored from what `describe` wrote of them: its exact inverse.

What was written is data. Each piece of it is taken for what the field that it is of may hold, a class
is one of those that definitions can be made of, and nothing is run or imported by its name. What
can't be written down, as a function in Python, is taken from definitions in code where it is the same.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import Field, fields, is_dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cache, cached_property
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from asof.errors import AsofError, Conflict, DataError
from asof.features.definition import assign
from asof.features.describe import KINDS, TAGS, Definition, Json, describe
from asof.features.durations import Duration
from asof.features.expectations import Expectation
from asof.features.expectations.arguments import Arguments
from asof.features.expectations.kinds import COMPILED, FOREIGN
from asof.features.expressions import Expr
from asof.features.graph import Definitions
from asof.features.source import Source
from asof.features.types import DType, Schema, dtype

Described = Mapping[str, Mapping[str, Json]]

_OWN = __name__.removesuffix("restoring")
_TEXTS: dict[type, Callable[[str], Any]] = {str: str, Duration: Duration.of, DType: dtype}
_TAGGED: dict[type, Callable[[str], Any]] = {
    float: float,
    datetime: datetime.fromisoformat,
    date: date.fromisoformat,
    Decimal: Decimal,
    bytes: bytes.fromhex,
}


def restore(
    described: Described, code: Iterable[Definition], keys: Iterable[str] | None = None
) -> Definitions:
    """The definitions that `described` is of: those with `keys`, by default all, and what they refer to.

    Conflict where a function of theirs is not in `code` as it was, DataError where they are not as
    this version of Asof writes them.
    """
    restoring = _Restoring(described, code)
    try:
        restored = Definitions(restoring.definition(key) for key in (described if keys is None else keys))
    except AsofError:
        raise
    except (LookupError, RecursionError, TypeError, ValueError) as error:
        raise DataError(f"what is written of definitions can't be read: {error}") from error
    for key, again in restored.described.items():
        if _text(again) != _text(described[key]):
            raise _unknown(key)
    return restored


def restored_expression(described: Json) -> Expr:
    """The expression that `described` is of; DataError where it is of none."""
    restored: Expr = _Restoring({}, ()).value("expression", Expr, described)
    return restored


@cache
def classes_under(*roots: type) -> frozenset[type]:
    """The classes of Asof that values of the `roots` can be made of, as their fields may hold them."""
    found, waiting = set[type](), list(roots)
    while waiting:
        one = waiting.pop()
        if one not in found and one.__module__.startswith(_OWN):
            found.add(one)
            waiting += [*one.__subclasses__(), *_classes_in_fields(one)]
    return frozenset(one for one in found if is_dataclass(one) and one not in _TEXTS)


class _Restoring:
    """Definitions on their way back, each made once."""

    def __init__(self, described: Described, code: Iterable[Definition]) -> None:
        self._described = described
        self._code = code
        self._made: dict[str, Definition] = {}

    @cached_property
    def _in_code(self) -> list[Any]:
        return [part for definition in self._code for part in _parts(definition)]

    @cached_property
    def _in_use(self) -> frozenset[type]:
        """The classes in the code, a third party's among them."""
        return frozenset(map(type, self._in_code))

    @cached_property
    def _unwritten(self) -> dict[str, Any]:
        """What is in the code and can't be written down, by what is written of it."""
        return {_text(describe(part)): part for part in self._in_code if _is_unwritten(type(part))}

    def definition(self, key: str) -> Definition:
        """The definition with a key."""
        if key not in self._made:
            if key not in self._described:
                raise DataError(f"there is no {key!r} among the definitions that refer to it")
            kind = next(kind for kind, name in KINDS.items() if key.startswith(f"{name}/"))
            self._made[key] = self.value(key, kind, dict(self._described[key]))
        return self._made[key]

    def value(self, owner: str, hint: Any, data: Json) -> Any:
        """What `data` is of, for a field of type `hint` in the definition `owner`."""
        for allowed in _alternatives(hint):
            match data:
                case str() if allowed in _TEXTS:
                    return _TEXTS[allowed](data)
                case str() if allowed in KINDS and data.startswith(f"{KINDS[allowed]}/"):
                    return self.definition(data)
                case list() if allowed is Schema:
                    return Schema(dict(data))  # type: ignore[arg-type]
                case list() if get_origin(allowed) is tuple:
                    return self._tuple(owner, get_args(allowed), data)
                case dict() if allowed is Arguments:
                    return _argument(data)
                case dict() if "kind" in data and (kind := self._kind(owner, data, allowed)):
                    return self._instance(owner, kind, data)
                case dict() if allowed in _TAGGED and [*data] == [allowed.__name__]:
                    return _TAGGED[allowed](data[allowed.__name__])  # type: ignore[arg-type]
                case None | bool() | int() | float() if _is_a(allowed, data):
                    return data
        raise _unknown(owner)

    def _tuple(self, owner: str, hints: tuple[Any, ...], data: list[Json]) -> tuple[Any, ...]:
        of_each = [hints[0]] * len(data) if hints[-1] is Ellipsis else hints
        return tuple(self.value(owner, hint, item) for hint, item in zip(of_each, data, strict=True))

    def _kind(self, owner: str, data: dict[str, Json], allowed: Any) -> type | None:
        """The class that data is of, where that is allowed."""
        name = str(data["kind"])
        named = _own_classes().get(name) or [kind for kind in self._in_use if kind.__name__ == name]
        if not named:
            raise Conflict(f"{owner} is made with {name}, which is not in the code")
        return next((kind for kind in named if isinstance(allowed, type) and issubclass(kind, allowed)), None)

    def _instance(self, owner: str, kind: type, data: dict[str, Json]) -> Any:
        if _is_unwritten(kind):
            return self._of_code(owner, kind, data)
        written = _written(kind)
        if not data.keys() <= {"kind", *written} <= {"kind", *data}:
            raise _unknown(owner)
        values = {name: self.value(owner, hint, data[name]) for name, hint in written.items()}
        made: Any = object.__new__(kind)
        assign(made, **values, **self._referred_to(kind, values))
        return made

    def _of_code(self, owner: str, kind: type, data: dict[str, Json]) -> Any:
        found = self._unwritten.get(_text(data))
        if found is None:
            name = data.get("name") or data.get("resource")
            raise Conflict(f"{kind.__name__.lower()} {name!r} of {owner} is not in the code as it was then")
        return found

    def _referred_to(self, kind: type, values: Mapping[str, Any]) -> dict[str, Definition | None]:
        """The source that an expectation asks for, which it tells by name."""
        if kind is not Expectation:
            return {}
        key = f"source/{values['arguments'].get('source')}"
        refers = values["kind"] == "expect_column_values_to_be_in_source" and key in self._described
        return {"refers_to": self.definition(key) if refers else None}


@cache
def _own_classes() -> dict[str, list[type]]:
    """The classes of Asof that are allowed anywhere, by the name that is written."""
    named: dict[str, list[type]] = {kind: [Expectation] for kind in (*COMPILED, *FOREIGN)}
    for kind in classes_under(*KINDS):
        named.setdefault(kind.__name__, []).append(kind)
    return named


def _argument(data: Json) -> Any:
    match data:
        case list():
            return tuple(map(_argument, data))
        case dict() if len(data) == 1 and data.keys() <= {*TAGS}:
            [(tag, inside)] = data.items()
            if tag == "Arguments":
                return Arguments({name: _argument(item) for name, item in inside.items()})  # type: ignore[union-attr]
            return next(read for kind, read in _TAGGED.items() if kind.__name__ == tag)(inside)  # type: ignore[arg-type]
        case dict():
            return Arguments({name: _argument(item) for name, item in data.items()})
    return data


def _is_a(allowed: Any, data: object) -> bool:
    return isinstance(allowed, type) and isinstance(data, allowed)


def _alternatives(hint: Any) -> Iterator[Any]:
    if get_origin(hint) in (Union, UnionType):
        for one in get_args(hint):
            yield from _alternatives(one)
    else:
        yield hint


@cache
def _written(kind: type) -> dict[str, Any]:
    """The types of the fields that `describe` writes, by name."""
    hints = get_type_hints(kind, localns={"Source": Source})
    return {field.name: hints[field.name] for field in _fields(kind) if field.compare}


def _is_unwritten(kind: type) -> bool:
    """Whether values of a class hold more than `describe` writes, and so come from code."""
    return kind is not Expectation and any(not field.compare for field in _fields(kind))


def _fields(kind: type) -> tuple[Field[Any], ...]:
    return fields(kind) if is_dataclass(kind) else ()


def _classes_in_fields(kind: type) -> Iterator[type]:
    waiting = list(_written(kind).values())
    while waiting:
        hint = waiting.pop()
        if isinstance(hint, type) and get_origin(hint) is None:
            yield hint
        waiting += get_args(hint)


def _parts(value: Any, depth: int = 0) -> Iterator[Any]:
    """The values of classes that a definition is made of, itself included, other definitions left out."""
    if isinstance(value, tuple):
        for item in value:
            yield from _parts(item, depth)
    elif is_dataclass(value) and not (depth and type(value) in KINDS):
        yield value
        for field in _fields(type(value)):
            yield from _parts(getattr(value, field.name), depth + 1)


def _text(described: object) -> str:
    return json.dumps(described, sort_keys=True)


def _unknown(owner: str) -> DataError:
    return DataError(f"{owner} is not written as this version of Asof does; another one applied it")
