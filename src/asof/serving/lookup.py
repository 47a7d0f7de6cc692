"""Online lookups from Python."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from asof.errors import AsofError, Conflict, DataError, NotFound, choices
from asof.serving.instants import nanoseconds
from asof.serving.keys import read_keys
from asof.serving.services import ServedService, definitions_of, resolve
from asof.serving.vectors import Vectors
from asof.storage.catalogue import Catalogue
from asof.storage.online.store import Key, OnlineStore

__all__ = ["Lookup", "Vectors"]

_KNOWN_FOR = 1.0
_ATTEMPTS = 5

Given = Mapping[str, object]


class Lookup:
    """Looks features up by service and entity keys. Safe to share by threads.

    What was applied is read from the catalogue at most once a second; what is published is noticed
    at once.
    """

    def __init__(self, catalogue: Catalogue, store: OnlineStore) -> None:
        self._catalogue = catalogue
        self._store = store
        self._known: _Known | None = None

    def services(self) -> list[str]:
        """The names of all services that are applied, sorted."""
        return sorted(self._recent().definitions)

    def service(self, name: str) -> ServedService:
        """A service with its keys, features and their types, as they can be looked up now.

        NotFound for a service that isn't applied, or one with a view that isn't online yet.
        """
        try:
            return self._served(name)
        except NotFound:
            self.refresh()
            return self._served(name)

    def get(self, service: str, keys: Given | Sequence[Given], *, now: datetime | None = None) -> Vectors:
        """The features of one or many entities, each given by a mapping of key names to values.

        All are of one moment, and each view's row is whole. A key may be given as text; a null key
        has no row. `now`, by default the clock, is the (aware) time at which a ttl is judged.

        Raises NotFound for a service that isn't applied or whose views aren't online,
        DefinitionError for a missing or unknown key, DataError for a key of another type.
        """
        asked = [keys] if isinstance(keys, Mapping) else keys
        moment = time.time_ns() if now is None else nanoseconds(now)
        for _ in range(_ATTEMPTS):
            vectors = self._read(self.service(service), asked, moment)
            if vectors is not None:
                return vectors
            self.refresh()
        raise Conflict(f"service {service!r} is published faster than it can be read: ask again")

    def refresh(self) -> None:
        """Take notice of what was applied and published since."""
        revision = self._catalogue.revision()
        definitions = {} if revision is None else definitions_of(revision, "service")
        self._known = _Known(definitions)

    def check(self) -> None:
        """Read the catalogue and the online store; raises what they raise when they can't be read."""
        self._catalogue.revision()
        self._store.views()

    def _read(self, served: ServedService, asked: Sequence[Given], now: int) -> Vectors | None:
        """The answer, None where a view was published anew since the service was resolved."""
        try:
            keys = _keys(served, asked)
            found = self._store.read_many(served.requests(keys))
        except AsofError:
            if self._is_live(served):
                raise
            return None
        return _vectors(served, keys, found, now) if self._is_live(served) else None

    def _is_live(self, served: ServedService) -> bool:
        """Whether the generations are still those that were live when the service was resolved.

        No number comes back, so they were live all the time in between.
        """
        live = [self._store.live(view.published.view) for view in served.views]
        return all(
            now is not None and now.generation == view.published.generation
            for now, view in zip(live, served.views, strict=True)
        )

    def _served(self, name: str) -> ServedService:
        known = self._recent()
        if name not in known.services:
            definition = _require(name, known.definitions)
            known.services[name] = resolve(name, definition, self._catalogue, self._store)
        return known.services[name]

    def _recent(self) -> _Known:
        if self._known is None or time.monotonic() - self._known.since > _KNOWN_FOR:
            self.refresh()
        assert self._known is not None
        return self._known


@dataclass(frozen=True, slots=True)
class _Known:
    """The applied services by name, and those of them that have been resolved."""

    definitions: Mapping[str, Any]
    services: dict[str, ServedService] = field(default_factory=dict)
    since: float = field(default_factory=time.monotonic)


def _require(name: str, definitions: Mapping[str, Any]) -> Mapping[str, Any]:
    if name not in definitions:
        advice = choices(name, definitions) if definitions else "none is applied: asof apply"
        raise NotFound(f"no service {name!r}; {advice}")
    definition: Mapping[str, Any] = definitions[name]
    return definition


def _keys(served: ServedService, asked: Sequence[Given]) -> list[Key]:
    owner = f"service {served.name!r}"
    for at, given in enumerate(asked):
        if not isinstance(given, Mapping):
            raise DataError(f"row {at} of the keys is {given!r}, expected a mapping of {list(served.keys)}")
    return [read_keys(given, served.keys, owner) for given in asked]


def _vectors(served: ServedService, keys: list[Key], found: Any, now: int) -> Vectors:
    rows = served.rows(found, now)
    return Vectors(
        service=served.name,
        features=served.features,
        key_types=served.keys,
        keys=keys,
        rows=[values for values, _, _ in rows],
        statuses=[statuses for _, statuses, _ in rows],
        event_times=[times for _, _, times in rows],
        as_of=served.as_of,
    )
