"""The tables, catalogue and online store of one project."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from asof.errors import NotFound
from asof.features.entity import Entity
from asof.settings import Settings
from asof.storage.catalogue import Catalogue, TableVersion
from asof.storage.folder import Folder
from asof.storage.online.store import OnlineStore
from asof.storage.online.stores import open_store
from asof.storage.tables import Base, Table

if TYPE_CHECKING:
    from asof.transforms.buckets import Bucketed


class Workspace:
    """Where a project's data is. Opens the catalogue and the online store when they are first used."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @cached_property
    def catalogue(self) -> Catalogue:
        """The catalogue, made when it isn't there."""
        if "://" not in self.settings.storage:
            Path(self.settings.storage).mkdir(parents=True, exist_ok=True)
        return Catalogue(self.settings.catalogue)

    @cached_property
    def online(self) -> OnlineStore:
        """The online store, for writing."""
        return open_store(self.settings.online)

    @cached_property
    def online_reader(self) -> OnlineStore:
        """The online store, for lookups; it must be there."""
        return open_store(self.settings.online, readonly=True)

    def table(self, name: str) -> Table:
        """The table of that name, whether or not it exists."""
        options = dict(self.settings.storage_options) or None
        return Table(f"{self.settings.storage}/{name}", options)

    def name_of(self, table: Table) -> str:
        """The name of a table of this workspace."""
        return table.uri.removeprefix(f"{self.settings.storage}/")

    def current(self, name: str) -> TableVersion:
        """The version of a table that counts now; NotFound says how to get one."""
        version = self.catalogue.current(name)
        if version is None:
            raise NotFound(f"table {name!r} has not been built yet; build it with: asof run")
        return version

    def bucketed(self, version: TableVersion, entity: Entity) -> Bucketed:
        """A version of a table that is laid out by the keys of an entity."""
        from asof.transforms.buckets import Bucketed

        keys = tuple(entity.keys)
        return Bucketed(self.table(version.table), version.version, keys, version.details["buckets"])

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
    def scratch(self) -> Iterator[Folder]:
        """A folder for what is on its way to a table; it is gone afterwards."""
        options = dict(self.settings.storage_options) or None
        folder = Folder(f"{self.settings.storage}/scratch/{uuid.uuid4().hex}", options)
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
