"""What of the definitions a run is for: `orders`, `view/spend`, `+spend` with what it needs, `orders+`."""

from __future__ import annotations

from collections.abc import Iterable

from asof.errors import NotFound, choices
from asof.features.describe import Definition, key_of
from asof.features.graph import Definitions

Keys = frozenset[str]
"""Keys of definitions, as "view/spend"."""


def selected(definitions: Definitions, wanted: Iterable[str]) -> Keys:
    """The keys of the definitions that are wanted; NotFound with the nearest match for an unknown name.

    `+NAME` is a definition with all that it is made of, `NAME+` with all that is made of it.
    """
    return frozenset[str]().union(*(_selected(definitions, each) for each in wanted))


def _selected(definitions: Definitions, wanted: str) -> Keys:
    name = wanted.removeprefix("+").removesuffix("+")
    found = _named(definitions, name)
    needed = [_made_of(definitions, each) for each in definitions if key_of(each) in found]
    before = needed if wanted.startswith("+") else []
    after = _made_with(definitions, found) if wanted.endswith("+") else frozenset[str]()
    return found.union(after, *before)


def _named(definitions: Definitions, name: str) -> Keys:
    keys = definitions.described
    found = frozenset(key for key in keys if name in (key, key.partition("/")[2]))
    if not found:
        known = keys if "/" in name else {key.partition("/")[2] for key in keys}
        raise NotFound(f"nothing is named {name!r}; {choices(name, known)}")
    return found


def _made_with(definitions: Definitions, keys: Keys) -> Keys:
    return frozenset(key_of(each) for each in definitions if _made_of(definitions, each) & keys)


def _made_of(definitions: Definitions, definition: Definition) -> Keys:
    return frozenset(map(key_of, definitions.made_of(definition)))
