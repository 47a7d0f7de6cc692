"""Python functions in definitions, told from each other by what they say."""

from __future__ import annotations

import ast
import builtins
import dis
import functools
import inspect
import re
import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

from asof.errors import DefinitionError

_PLAIN = (type(None), bool, int, float, complex, str, bytes, date, timedelta, Decimal, re.Pattern)
_READS = frozenset({"LOAD_GLOBAL", "LOAD_NAME"})


@dataclass(frozen=True, repr=False)
class Function:
    """A function of a team's own, equal to another where both say the same.

    `source` is its text, without decorators. `uses` are the names from outside that it refers to,
    itself or through the team's own functions and classes, each with what stands for it: the text of
    what the team wrote, the value of a constant, the full name of what an installed package has.
    `call` is the function itself; it is never written down.
    """

    name: str
    source: str
    uses: tuple[tuple[str, str], ...]
    call: Callable[..., Any] = field(compare=False)

    def __repr__(self) -> str:
        return self.name

    @classmethod
    def of(cls, owner: str, given: object, takes: Sequence[str] = ("the rows",)) -> Function:
        """The function `given`; DefinitionError where its text does not say all that it does.

        Its arguments are those that it `takes`, or the first of them.
        """
        if not isinstance(given, FunctionType) or given.__name__ == "<lambda>":
            raise DefinitionError(f"{owner} must be a function written with def, got {given!r}")
        owner = f"{owner} {given.__name__!r}"
        if hasattr(given, "__wrapped__"):
            raise DefinitionError(f"{owner} is wrapped by another decorator; give the plain function")
        parameters = list(inspect.signature(given).parameters)
        if not 1 <= len(parameters) <= len(takes):
            number = "one argument" if len(takes) == 1 else "one or two arguments"
            raise DefinitionError(
                f"{owner} must take {number}, {' and '.join(takes)}; "
                f"it takes {', '.join(parameters) or 'none'}"
            )
        uses = tuple(_used(owner, given))
        return cls(given.__name__, _without_decorators(_text(owner, given)), uses, given)

    @functools.cached_property
    def arguments(self) -> int:
        """How many arguments it takes."""
        return len(inspect.signature(self.call).parameters)

    @property
    def file(self) -> str:
        """The path of the file that it is written in."""
        return self.call.__code__.co_filename

    def reason(self, error: BaseException) -> str:
        """What it raised, and in which line of its file, as in "ValueError: too late (views.py:12)"."""
        lines = [line for file, line in _trace(error) if file == self.file]
        place = f" ({Path(self.file).name}:{lines[-1]})" if lines else ""
        return f"{type(error).__name__}: {error}{place}"


def _trace(error: BaseException) -> Iterator[tuple[str, int]]:
    frame = error.__traceback__
    while frame is not None:
        yield frame.tb_frame.f_code.co_filename, frame.tb_lineno
        frame = frame.tb_next


def _text(owner: str, value: Any) -> str:
    try:
        return textwrap.dedent(inspect.getsource(getattr(value, "__code__", value)))
    except (OSError, TypeError):
        name = getattr(value, "__name__", value)
        raise DefinitionError(
            f"{owner}: the text of {name} can't be read, so no change of it would be seen; write it in a file"
        ) from None


def _without_decorators(text: str) -> str:
    first = ast.parse(text).body[0].lineno - 1
    return "\n".join(text.splitlines()[first:])


def _used(owner: str, function: FunctionType) -> Iterator[tuple[str, str]]:
    """What a function refers to, directly or through the team's own code, with what it stands for.

    A name that one function uses comes after that function's: "price.RATE" is the `RATE` of `price`.
    """
    package = _package(function.__module__)
    waiting, seen = [("", function)], {function}
    while waiting:
        path, by = waiting.pop()
        for name, value in sorted(_outside(owner, by).items()):
            text, own = _stands_for(owner, package, name, value)
            yield f"{path}{name}", text
            waiting += [(f"{path}{name}.", inner) for inner in own if inner not in seen]
            seen.update(own)


def _outside(owner: str, function: FunctionType) -> dict[str, Any]:
    """The values of the names from outside that a function refers to."""
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    values = {name: cell.cell_contents for name, cell in cells}
    known = function.__globals__
    for name in sorted(_names_read(function.__code__)):
        if name in known:
            values[name] = known[name]
        elif not hasattr(builtins, name):
            raise DefinitionError(f"{owner} uses {name!r}, which isn't there yet; write it above")
    return values


def _names_read(code: CodeType) -> set[str]:
    names = {step.argval for step in dis.get_instructions(code) if step.opname in _READS}
    inner = (constant for constant in code.co_consts if isinstance(constant, CodeType))
    return names.union(*map(_names_read, inner))


def _stands_for(owner: str, package: str, name: str, value: Any) -> tuple[str, list[FunctionType]]:
    """The text for a value that is used, and the functions of which what they use counts too."""
    value = inspect.unwrap(value) if isinstance(value, functools._lru_cache_wrapper) else value
    module = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None)
    if isinstance(module, str) and _package(module) == package:
        if isinstance(value, FunctionType | type | ModuleType):
            return _text(owner, value), _functions(value)
    elif _is_of_package(value):
        return _full_name(value), []
    return _constant(owner, name, value), []


def _is_of_package(value: Any) -> bool:
    """Whether a value is a module, a class, or a function that no object of its own stands behind."""
    bound = getattr(value, "__self__", None)
    named = callable(value) and hasattr(value, "__name__") and isinstance(bound, ModuleType | type | None)
    return isinstance(value, ModuleType | type) or named


def _functions(value: FunctionType | type | ModuleType) -> list[FunctionType]:
    if isinstance(value, FunctionType):
        return [value]
    if isinstance(value, ModuleType):
        return []
    return [member for member in vars(value).values() if isinstance(member, FunctionType)]


def _full_name(value: Any) -> str:
    if isinstance(value, ModuleType):
        return f"module {value.__name__}"
    module = getattr(value, "__module__", None) or type(value).__module__
    return f"{module}.{getattr(value, '__qualname__', value.__name__)}"


def _constant(owner: str, name: str, value: Any) -> str:
    match value:
        case tuple() | list():
            return f"{type(value).__name__}({', '.join(_constant(owner, name, item) for item in value)})"
        case set() | frozenset():
            return f"{type(value).__name__}({', '.join(sorted(_constant(owner, name, v) for v in value))})"
        case dict():
            pairs = (f"{_constant(owner, name, k)}: {_constant(owner, name, v)}" for k, v in value.items())
            return f"dict({', '.join(pairs)})"
        case _ if isinstance(value, _PLAIN):
            return repr(value)
    raise DefinitionError(
        f"{owner} uses {name!r}, a {type(value).__name__}, of which no change would be seen; "
        "make it inside the function, or from plain values"
    )


def _package(module: str) -> str:
    return module.partition(".")[0]
