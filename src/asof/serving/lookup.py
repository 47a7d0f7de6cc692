"""Online lookups from Python."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from asof.errors import AsofError, Conflict, NotFound, choices
from asof.serving.keys import read_keys
from asof.serving.on_demand import Given, OnDemandFunctions, no_functions, read_request
from asof.serving.services import ServedService, features_named, resolve
from asof.serving.vectors import Row, Vectors
from asof.storage.catalogue import Catalogue
from asof.storage.instants import nanoseconds
from asof.storage.online.store import Key, OnlineStore

__all__ = ["Lookup", "Vectors"]

_KNOWN_FOR = 1.0
_ATTEMPTS = 5
_SERVICE = "service/"
_ENTITY = "entity/"

Asked = str | tuple[str, ...]
"""A service by its name, or features by theirs, `view__feature`."""


class Lookup:
    """Looks features up by service and entity keys. Safe to share by threads.

    What was applied is read from the catalogue at most once a second; what is published is noticed
    at once. `functions` gives the code of on-demand views, which is first asked for when a service has
    one.
    """

    def __init__(
        self, catalogue: Catalogue, store: OnlineStore, functions: OnDemandFunctions = no_functions
    ) -> None:
        self.catalogue = catalogue
        self._store = store
        self._functions = functions
        self._known: _Known | None = None

    def services(self) -> list[str]:
        """The names of all services that are applied, sorted."""
        return sorted(self._recent().names)

    def service(self, asked: Asked) -> ServedService:
        """A service, or features by name, with keys, features and their types, as it is answered now.

        NotFound for what isn't applied, or has a view that isn't online yet.
        """
        try:
            return self._served(asked)
        except NotFound:
            self.refresh()
            return self._served(asked)

    def only_keys(self) -> dict[str, str]:
        """The key of each applied entity that has just one, by the entity's name."""
        return {
            key.removeprefix(_ENTITY): entity["keys"][0][0]
            for key, entity in self._recent().definitions.items()
            if key.startswith(_ENTITY) and len(entity["keys"]) == 1
        }

    def get(
        self,
        service: Asked,
        keys: Given | Sequence[Given],
        *,
        request: Given | Sequence[Given] | None = None,
        now: datetime | None = None,
    ) -> Vectors:
        """The features of one or many entities, each given by a mapping of key names to values.

        `service` is the name of one, or a tuple of the names of features, `view__feature`. All are
        of one moment, and each view's row is whole. A key may be given as text; a null key has no row.
        `request` has the columns that on-demand features need: a mapping for each entity, or one for
        all. `now`, by default the clock, is the (aware) time at which a ttl is judged.

        Raises NotFound for a service that isn't applied or whose views aren't online, DefinitionError
        for a missing or unknown key or column of the request, DataError for a value of another type or
        one on which an on-demand view fails, Conflict where its code here isn't what was applied.
        """
        asked = [keys] if isinstance(keys, Mapping) else keys
        moment = time.time_ns() if now is None else nanoseconds(now)
        for _ in range(_ATTEMPTS):
            vectors = self._read(self.service(service), asked, request, moment)
            if vectors is not None:
                return vectors
            self.refresh()
        raise Conflict(f"{self.service(service).owner} is published faster than it can be read: ask again")

    def refresh(self) -> None:
        """Take notice of what was applied and published since."""
        revision = self.catalogue.revision()
        self._known = _Known({} if revision is None else revision.definitions)

    def check(self) -> None:
        """Read the catalogue and the online store; raises what they raise when they can't be read."""
        self.catalogue.revision()
        self._store.views()

    def _read(
        self, served: ServedService, asked: Sequence[Given], request: Given | Sequence[Given] | None, now: int
    ) -> Vectors | None:
        """The answer, None where a view was published anew since the service was resolved."""
        try:
            keys = read_keys(asked, served.keys, served.owner)
            found = self._store.read_many(served.requests(keys))
        except AsofError:
            if self._is_live(served):
                raise
            return None
        if not self._is_live(served):
            return None
        rows = served.rows(found, now)
        if served.on_demand is not None or request is not None:
            rows = _with_on_demand(served, rows, request)
        return _vectors(served, keys, rows)

    def _is_live(self, served: ServedService) -> bool:
        """Whether the generations are still those that were live when the service was resolved.

        No number comes back, so they were live all the time in between.
        """
        live = [self._store.live(view.published.view) for view in served.views]
        return all(
            now is not None and now.generation == view.published.generation
            for now, view in zip(live, served.views, strict=True)
        )

    def _served(self, asked: Asked) -> ServedService:
        known = self._recent()
        if asked not in known.services:
            known.services[asked] = self._resolved(asked, known)
        return known.services[asked]

    def _resolved(self, asked: Asked, known: _Known) -> ServedService:
        if isinstance(asked, str):
            _require(asked, known.names)
            name, features = asked, known.definitions[_SERVICE + asked]["features"]
        else:
            name, features = "", features_named(asked, known.definitions)
        return resolve(name, features, known.definitions, self.catalogue, self._store, self._functions)

    def _recent(self) -> _Known:
        if self._known is None or time.monotonic() - self._known.since > _KNOWN_FOR:
            self.refresh()
        assert self._known is not None
        return self._known


@dataclass(frozen=True, slots=True)
class _Known:
    """The applied definitions by key, and what has been asked for and resolved."""

    definitions: Mapping[str, Any]
    services: dict[Asked, ServedService] = field(default_factory=dict)
    since: float = field(default_factory=time.monotonic)

    @property
    def names(self) -> list[str]:
        """The names of the applied services."""
        return [key.removeprefix(_SERVICE) for key in self.definitions if key.startswith(_SERVICE)]


def _require(name: str, services: Sequence[str]) -> None:
    if name not in services:
        advice = choices(name, services) if services else "none is applied: asof apply"
        raise NotFound(f"no service {name!r}; {advice}")


def _with_on_demand(
    served: ServedService, rows: list[Row], request: Given | Sequence[Given] | None
) -> list[Row]:
    columns = read_request(request, served.request, len(rows), served.owner)
    return rows if served.on_demand is None else served.on_demand.rows(rows, columns)


def _vectors(served: ServedService, keys: list[Key], rows: list[Row]) -> Vectors:
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
