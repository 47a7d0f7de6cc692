"""What all definitions share: they are frozen, named, checked when made, and print in one line."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, fields
from typing import Any, TypeVar

from asof.errors import DefinitionError, choices
from asof.features.expressions import same_fields

T = TypeVar("T")
_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")


def definition(cls: type[T]) -> type[T]:
    """Make a class with an `__init__` of its own a frozen, comparable, hashable definition."""
    cls.__repr__ = _one_line  # type: ignore[method-assign]
    cls.__eq__ = same_fields  # type: ignore[method-assign]
    return dataclass(frozen=True, init=False, repr=False)(checked_arguments(cls))


def checked_arguments(cls: type[T]) -> type[T]:
    """Make a missing or unknown argument of `__init__` a DefinitionError that says what it takes."""
    init = cls.__init__
    signature = inspect.signature(init)
    known = [name for name in signature.parameters if name != "self"]

    @functools.wraps(init)
    def checked(self: object, *args: Any, **kwargs: Any) -> None:
        owner = type(self).__name__
        for given in kwargs:
            if given not in known:
                raise DefinitionError(f"{owner} takes no {given!r}; {choices(given, known)}")
        try:
            signature.bind(self, *args, **kwargs)
        except TypeError as error:
            raise DefinitionError(f"{owner}: {error}; it takes {', '.join(known)}") from None
        init(self, *args, **kwargs)

    cls.__init__ = checked  # type: ignore[method-assign]
    return cls


def assign(instance: object, **values: object) -> None:
    """Set the fields of a frozen definition from its `__init__`."""
    for name, value in values.items():
        object.__setattr__(instance, name, value)


def check_name(kind: str, name: object) -> str:
    """A definition's or feature's name: lower-case words joined by single underscores.

    >>> check_name("Entity", "customer")
    'customer'
    >>> check_name("Entity", "My Shop")
    Traceback (most recent call last):
    asof.errors.DefinitionError: Entity name 'My Shop' must be lower-case words joined by _, as 'my_shop'
    """
    if isinstance(name, str) and _NAME.fullmatch(name):
        return name
    proposed = "_".join(re.findall(r"[a-z0-9]+", str(name).lower())).lstrip("0123456789_") or "spend"
    raise DefinitionError(f"{kind} name {name!r} must be lower-case words joined by _, as {proposed!r}")


def check_type(owner: str, field: str, value: object, allowed: type[T]) -> T:
    """`value`, which must be an instance of `allowed`."""
    if isinstance(value, allowed):
        return value
    raise DefinitionError(
        f"{owner}: {field} must be of type {allowed.__name__}, got {type(value).__name__} {value!r}"
    )


def check_each(owner: str, field: str, values: object, allowed: tuple[type, ...]) -> tuple[Any, ...]:
    """`values`, in an order of their own, as a tuple; each must be an instance of one of `allowed`."""
    if isinstance(values, str | Set | Mapping) or not isinstance(values, Iterable):
        raise DefinitionError(f"{owner}: {field} must be a list, got {type(values).__name__} {values!r}")
    listed = tuple(values)
    for value in listed:
        if not isinstance(value, allowed):
            names = " or ".join(kind.__name__ for kind in allowed)
            raise DefinitionError(
                f"{owner}: each of {field} must be of type {names}, got {type(value).__name__} {value!r}"
            )
    return listed


def check_unique(owner: str, what: str, names: Iterable[str], remedy: str = "") -> None:
    """DefinitionError where a name is there twice."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise DefinitionError(f"{owner}: two {what} are named {name!r}{remedy}")
        seen.add(name)


def _one_line(self: Any) -> str:
    shown = [repr(self.name)] if hasattr(self, "name") else []
    for field in fields(self):
        value = getattr(self, field.name)
        if field.name != "name" and value is not None and not (isinstance(value, tuple) and not value):
            shown.append(f"{field.name}={_brief(value)}")
    return f"{type(self).__name__}({', '.join(shown)})"


def _brief(value: object) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(map(_brief, value))}]"
    if type(value).__repr__ is _one_line and hasattr(value, "name"):
        return str(value.name)
    return repr(value)
