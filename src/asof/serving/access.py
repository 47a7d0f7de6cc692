"""Who may ask the server for what: clients with keys, each with its services and sources."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from asof.errors import AsofError


class Unauthorized(AsofError, PermissionError):
    """A request without the key of a client."""


class Forbidden(AsofError, PermissionError):
    """A request for what its client has no right to."""


@dataclass(frozen=True, slots=True)
class Client:
    """Who asks: the services it may look up and the sources it may push to (None: all of them)."""

    name: str
    services: frozenset[str] | None = None
    sources: frozenset[str] | None = None

    def sees(self, service: str) -> bool:
        """Whether it may look up a service."""
        return self.services is None or service in self.services

    def check_service(self, service: str) -> None:
        """Forbidden unless it may look up a service."""
        if not self.sees(service):
            raise Forbidden(f"client {self.name!r} may not look up service {service!r}")

    def check_source(self, source: str) -> None:
        """Forbidden unless it may push to a source."""
        if self.sources is not None and source not in self.sources:
            raise Forbidden(f"client {self.name!r} may not push to source {source!r}")


ANYONE = Client("anyone")


class Access:
    """The clients of a server by their keys, which it does not keep; without any, anyone may do all."""

    def __init__(self, clients: Iterable[tuple[str, Client]] = ()) -> None:
        self._clients = {_digest(key): client for key, client in clients}

    @property
    def open_to_all(self) -> bool:
        """Whether no key is asked for."""
        return not self._clients

    def client(self, authorization: str | None) -> Client:
        """Who sends this `Authorization` header; Unauthorized where that is nobody known."""
        if not self._clients:
            return ANYONE
        scheme, _, key = (authorization or "").partition(" ")
        client = self._clients.get(_digest(key.strip())) if scheme.lower() == "bearer" else None
        if client is None:
            raise Unauthorized("send a client's key, as in: Authorization: Bearer KEY")
        return client


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()
