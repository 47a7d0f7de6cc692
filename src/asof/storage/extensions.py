"""What comes with Asof or with another package, found by its name and imported when asked for."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

from asof.errors import NotFound, choices


def extension(name: str, built_in: Mapping[str, str], group: str, missing: str) -> Any:
    """The object that `built_in` names as "module:name", or else an entry point of the group.

    NotFound, which begins with `missing`, where it is neither.
    """
    if name in built_in:
        module, attribute = built_in[name].split(":")
        return getattr(import_module(module), attribute)
    found = entry_points(group=group)
    for entry in found.select(name=name):
        return entry.load()
    known = choices(name, [*built_in, *found.names])
    raise NotFound(f"{missing}; {known}; or install the package that brings it")
