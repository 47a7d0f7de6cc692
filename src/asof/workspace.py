"""The tables, catalogue and online store of one project."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from asof.environment import PRODUCTION, Environment
from asof.errors import NotFound
from asof.features.entity import Entity
from asof.settings import Settings
from asof.storage.catalogue import Catalogue, TableVersion
from asof.storage.folder import Folder
from asof.storage.once import once
from asof.storage.online.store import OnlineStore
from asof.storage.online.stores import open_store
from asof.storage.tables import Base, Table

if TYPE_CHECKING:
    from asof.transforms.buckets import Bucketed

SCRATCH = "scratch"  # its folders' names begin with the run that alone needs what is in them


class Workspace:
    """Where a project's data is. Opens the catalogue and the online store when they are first used.

    Tables are asked for by their names in the definitions; which they are in storage and catalogue, the
    `environment` says.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.environment = PRODUCTION

    def within(self, environment: Environment) -> Workspace:
        """The same data, as an environment sees it."""
        seen = copy(self)
        seen.environment = environment
        return seen

    @once
    def catalogue(self) -> Catalogue:
        """The catalogue, made when it isn't there."""
        if "://" not in self.settings.storage:
            Path(self.settings.storage).mkdir(parents=True, exist_ok=True)
        return Catalogue(self.settings.catalogue)

    @once
    def online(self) -> OnlineStore:
        """The online store, for writing."""
        return open_store(self.settings.online)

    @once
    def online_reader(self) -> OnlineStore:
        """The online store, for lookups; it must be there."""
        return open_store(self.settings.online, readonly=True)

    def table(self, name: str) -> Table:
        """The table of that name, whether or not it exists."""
        return self.stored(self.environment.table(name))

    def stored(self, name: str) -> Table:
        """The table that the catalogue has under that name."""
        options = dict(self.settings.storage_options) or None
        return Table(f"{self.settings.storage}/{name}", options)

    def folder(self, path: str = "") -> Folder:
        """A folder of the project's storage, by its path there, or all of it."""
        options = dict(self.settings.storage_options) or None
        return Folder("/".join(filter(None, [self.settings.storage, path])), options)

    def name_of(self, table: Table) -> str:
        """The name of a table of this workspace in the catalogue."""
        return table.uri.removeprefix(f"{self.settings.storage}/")

    def current(self, name: str) -> TableVersion:
        """The version of a table that counts now; NotFound says how to get one."""
        version = self.newest(name)
        if version is None:
            command = self.environment.command("asof run")
            raise NotFound(f"table {name!r} has not been built yet; build it with: {command}")
        self.environment.check(name, version)
        return version

    def newest(self, name: str) -> TableVersion | None:
        """The version of a table that counts now, or None."""
        return self.catalogue.current(self.environment.table(name))

    def history(
        self, name: str, *, before: int | None = None, limit: int | None = None
    ) -> list[TableVersion]:
        """The newest versions of a table, newest first: those before the version `before`, or all.

        Those that production has of it are among an environment's own.
        """
        here = self.environment.table(name)
        own = self.catalogue.history(here, before=before, limit=limit)
        if here == name:
            return own
        both = [*own, *self.catalogue.history(name)]
        return sorted(both, key=lambda version: version.committed_at, reverse=True)[:limit]

    def bucketed(self, version: TableVersion, entity: Entity) -> Bucketed:
        """A version of a table that is laid out by the keys of an entity."""
        from asof.transforms.buckets import Bucketed

        keys = tuple(entity.keys)
        return Bucketed(self.stored(version.table), version.version, keys, version.details["buckets"])

    def read(
        self,
        name: str,
        version: int | None = None,
        columns: Sequence[str] | None = None,
        where: pc.Expression | None = None,
    ) -> pa.Table:
        """Rows of a table at a version, by default the one that counts now."""
        if version is None:
            version = self.current(name).version
        return self.table(name).read(version, columns, where)

    def base(
        self,
        name: str,
        schema: pa.Schema,
        *,
        on: TableVersion | None,
        partition_by: Sequence[str] = (),
    ) -> Base:
        """What writers of a table go on top of: version `on`, or a new table where there is none."""
        table = self.table(name)
        if on is None:
            table.create(schema, partition_by)
        return table.base(on.version if on else 0)

    @contextmanager
    def scratch(self, run: str) -> Iterator[Folder]:
        """A folder for what a run has on its way to a table; it is gone afterwards."""
        folder = self.folder(f"{SCRATCH}/{run}.{uuid.uuid4().hex}")
        folder.create()
        try:
            yield folder
        finally:
            folder.delete()

    def close(self) -> None:
        """Let go of what was opened."""
        for name in ("catalogue", "online", "online_reader"):
            if name in self.__dict__:
                self.__dict__.pop(name).close()
