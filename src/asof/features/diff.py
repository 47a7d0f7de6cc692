"""What changed between two sets of definitions."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from itertools import product

from asof.errors import AsofError
from asof.features.describe import Json
from asof.features.expressions import Expr
from asof.features.restoring import classes_under, restored_expression

Described = Mapping[str, Mapping[str, Json]]


@dataclass(frozen=True)
class Change:
    """A definition that was added, changed or removed; `details` has a line for each changed field."""

    key: str
    action: str
    details: tuple[str, ...] = ()


def diff(old: Described, new: Described) -> tuple[Change, ...]:
    """The changes that lead from `old` to `new`, in the order of the keys.

    >>> diff({}, {"entity/customer": {"kind": "Entity"}})
    (Change(key='entity/customer', action='added', details=()),)
    """
    changes = []
    for key in sorted({*old, *new}):
        if key not in old:
            changes.append(Change(key, "added"))
        elif key not in new:
            changes.append(Change(key, "removed"))
        elif not _same(old[key], new[key]):
            before, after = ({name: _readable(value) for name, value in of[key].items()} for of in (old, new))
            changes.append(Change(key, "changed", tuple(_details(before, after))))
    return tuple(changes)


def _readable(value: Json) -> Json:
    """JSON data in which expressions are as they are written."""
    match value:
        case list():
            return [_readable(item) for item in value]
        case dict() if value.get("kind") in _expressions():
            with suppress(AsofError):
                return repr(restored_expression(value))
        case dict():
            return {name: _readable(item) for name, item in value.items()}
    return value


@cache
def _expressions() -> frozenset[str]:
    return frozenset(kind.__name__ for kind in classes_under(Expr))


def _details(old: Mapping[str, Json], new: Mapping[str, Json]) -> list[str]:
    lines = []
    for field in dict.fromkeys((*old, *new)):
        before, after = old.get(field), new.get(field)
        if _same(before, after):
            continue
        if isinstance(before, dict) and isinstance(after, dict) and before.get("kind") == after.get("kind"):
            lines += [f"{field}.{line}" for line in _details(before, after)]
            continue
        before, after = _lines_of_text(before), _lines_of_text(after)
        if isinstance(before, list) and isinstance(after, list):
            lines += _details_of_lists(field, before, after)
        else:
            lines.append(f"{field}: {_short(before)} -> {_short(after)}")
    return lines


def _details_of_lists(field: str, old: list[Json], new: list[Json]) -> list[str]:
    lines = []
    for before, after in product(old, new):
        if isinstance(before, dict) and isinstance(after, dict) and _is_same_function(before, after):
            lines += [f"{field}.{before['name']}.{line}" for line in _details(before, after)]
            old, new = (
                [item for item in old if item is not before],
                [item for item in new if item is not after],
            )
    gone, come = Counter(map(_short, old)), Counter(map(_short, new))
    lines += [f"{field}: - {item}" for item in (gone - come).elements()]
    lines += [f"{field}: + {item}" for item in (come - gone).elements()]
    return lines or [f"{field}: other order"]


def _is_same_function(one: Mapping[str, Json], other: Mapping[str, Json]) -> bool:
    """Whether both are of a function, whose text is better shown by the line."""
    return "function" in one and "function" in other and one.get("name") == other.get("name")


def _lines_of_text(value: Json) -> Json:
    return list(value.splitlines()) if isinstance(value, str) and "\n" in value else value


def _same(before: object, after: object) -> bool:
    """Whether two pieces of JSON data are the same, where 1, 1.0 and true are not."""
    one, other = (json.dumps(value, sort_keys=True) for value in (before, after))
    return one == other


def _short(value: Json) -> str:
    """JSON data in a few words: a call for a dict that has a kind, else as it is."""
    if isinstance(value, dict):
        inside = [f"{name}={_quoted(item)}" for name, item in value.items() if name != "kind"]
        return f"{value.get('kind', '')}({', '.join(inside)})"
    if isinstance(value, list):
        return f"[{', '.join(map(_quoted, value))}]"
    return str(value)


def _quoted(value: Json) -> str:
    return repr(value) if isinstance(value, str) else _short(value)
