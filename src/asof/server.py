"""How a project is served: the table `[serve]` of its `asof.toml`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from asof.errors import DefinitionError, choices
from asof.serving.access import Access, Client
from asof.serving.http import Tls
from asof.settings import FILE, Settings
from asof.storage.secrets import filled

_CLIENT: Mapping[str, type] = {"key": str, "services": list, "sources": list}
_SERVE: Mapping[str, type] = {"certificate": str, "private_key": str, "clients": dict}
_TOML: Mapping[type, str] = {str: "text", list: "a list of names", dict: "a table"}


def access_of(settings: Settings) -> Access:
    """The clients of a project's server, with the keys that the environment has for them.

    DefinitionError names a key of the table that is wrong, NotFound a variable that isn't set.
    """
    _check("serve", settings.serve, _SERVE)
    return Access(_clients(settings.serve.get("clients", {})))


def tls_of(settings: Settings) -> Tls | None:
    """The certificate and key of a project's server, by paths from its folder; None where it has none."""
    _check("serve", settings.serve, _SERVE)
    files = [settings.serve.get(name) for name in ("certificate", "private_key")]
    if not any(files):
        return None
    certificate, private_key = files
    if certificate is None or private_key is None:
        raise DefinitionError(f"{FILE}: [serve] needs certificate and private_key, both or neither")
    return Tls(str(settings.folder / certificate), str(settings.folder / private_key))


def _clients(given: Mapping[str, Any]) -> Iterator[tuple[str, Client]]:
    for name, client in given.items():
        owner = f"serve.clients.{name}"
        if not isinstance(client, dict):
            raise DefinitionError(f"{FILE}: {owner} must be a table, got {client!r}")
        _check(owner, client, _CLIENT)
        if "key" not in client:
            raise DefinitionError(f'{FILE}: {owner} has no key; name one, as in key = "${{NAME_KEY}}"')
        rights = (_names(client.get(right)) for right in ("services", "sources"))
        yield filled(client["key"], f"{FILE}, {owner}"), Client(name, *rights)


def _names(given: list[str] | None) -> frozenset[str] | None:
    return None if given is None else frozenset(given)


def _check(owner: str, given: Mapping[str, Any], allowed: Mapping[str, type]) -> None:
    for key, value in given.items():
        if key not in allowed:
            raise DefinitionError(f"{FILE}: [{owner}] has an unknown {key!r}; {choices(key, allowed)}")
        if not isinstance(value, allowed[key]):
            raise DefinitionError(f"{FILE}: {key} of [{owner}] must be {_TOML[allowed[key]]}, got {value!r}")
