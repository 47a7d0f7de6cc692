"""Online stores by their address: a folder is LMDB, a URL names its store by its scheme."""

from __future__ import annotations

import re
from urllib.parse import quote

from asof.storage.extensions import extension
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
    scheme = place.partition("://")[0]
    missing = f"online: no store has addresses of {scheme}://"
    store: OnlineStore = extension(scheme, _BUILT_IN, GROUP, missing)(place, readonly)
    return store


def _with_secrets(address: str) -> str:
    """A value that is a part of the URL is quoted; one that is all of it is not."""
    whole = re.fullmatch(r"\$\{\w+\}", address)
    return filled(address, "online", str if whole else lambda value: quote(value, safe=""))
