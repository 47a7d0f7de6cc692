"""What depends on a definition: the training sets and services that are made with it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from asof.features.describe import Json

Described = Mapping[str, Mapping[str, Json]]
USERS = ("training_set/", "service/")
_CHECKS = "expect"  # what a source is held against is not what its rows are made of


def affected(keys: Iterable[str], *described: Described) -> dict[str, tuple[str, ...]]:
    """For each key the keys of the training sets and services that depend on it, in any of `described`.

    >>> view = {"kind": "FeatureView", "source": "source/orders"}
    >>> service = {"kind": "FeatureService", "features": ["view/spend"]}
    >>> affected(["source/orders"], {"source/orders": {}, "view/spend": view, "service/model": service})
    {'source/orders': ('service/model',)}
    """
    users = [_users(each) for each in described]
    return {key: tuple(sorted(set().union(*(found.get(key, ()) for found in users)))) for key in keys}


def _users(described: Described) -> dict[str, set[str]]:
    """The users of each definition that has any."""
    references = {key: {*_references(key, definition, described)} for key, definition in described.items()}
    users: dict[str, set[str]] = {}
    for user in described:
        if user.startswith(USERS):
            for key in _reachable(user, references):
                users.setdefault(key, set()).add(user)
    return users


def _reachable(start: str, references: Mapping[str, set[str]]) -> set[str]:
    found, waiting = {start}, [start]
    while waiting:
        new = references[waiting.pop()] - found
        found |= new
        waiting += new
    return found


def _references(key: str, definition: Mapping[str, Json], described: Described) -> Iterator[str]:
    """The keys that a definition refers to, those of views given by name in `enrich` included."""
    for field, value in definition.items():
        if field != _CHECKS:
            for text in _texts(value):
                for candidate in (text, f"view/{text}" if field == "enrich" else text):
                    if candidate in described and candidate != key:
                        yield candidate


def _texts(value: Json) -> Iterator[str]:
    match value:
        case str():
            yield value
        case list():
            for item in value:
                yield from _texts(item)
        case dict():
            for item in value.values():
                yield from _texts(item)
