"""Online stores by their address: a folder is LMDB, a URL names its store by its scheme."""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import entry_points
from urllib.parse import quote

from asof.errors import NotFound, choices
from asof.storage.online.store import OnlineStore
from asof.storage.secrets import filled

GROUP = "asof.online_stores"

_BUILT_IN = {
    "redis": "asof.storage.online.redis:RedisStore",
    "rediss": "asof.storage.online.redis:RedisStore",
}


def open_store(address: str, readonly: bool = False) -> OnlineStore:
    """The store at a folder or a URL, in which `${NAME}` stands for the environment's value.

    The scheme of a URL is that of a store of ours or an entry point of the group `asof.online_stores`,
    which is called with the URL and `readonly`. Raises NotFound for a scheme that is neither, and what
    the store raises.
    """
    place = _with_secrets(address)
    if "://" not in place:
        from asof.storage.online.lmdb import LmdbStore

        return LmdbStore(place, readonly)
    return _factory(place.partition("://")[0])(place, readonly)


def _with_secrets(address: str) -> str:
    """A value that is a part of the URL is quoted; one that is all of it is not."""
    whole = re.fullmatch(r"\$\{\w+\}", address)
    return filled(address, "online", str if whole else lambda value: quote(value, safe=""))


def _factory(scheme: str) -> Callable[[str, bool], OnlineStore]:
    if scheme in _BUILT_IN:
        module, name = _BUILT_IN[scheme].split(":")
        built_in: Callable[[str, bool], OnlineStore] = getattr(import_module(module), name)
        return built_in
    found = entry_points(group=GROUP)
    for entry in found.select(name=scheme):
        loaded: Callable[[str, bool], OnlineStore] = entry.load()
        return loaded
    known = choices(scheme, [*_BUILT_IN, *found.names])
    raise NotFound(f"online: no store has addresses of {scheme}://; {known}; or install its package")
