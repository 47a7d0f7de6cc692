"""The tables, catalogue and online store of one project."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from asof.errors import NotFound
from asof.settings import Settings
from asof.storage.catalogue import Catalogue, TableVersion
from asof.storage.online.lmdb import LmdbStore
from asof.storage.tables import Table


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
    def online(self) -> LmdbStore:
        """The online store, for writing."""
        return LmdbStore(self.settings.online)

    @cached_property
    def online_reader(self) -> LmdbStore:
        """The online store, for lookups; it must be there."""
        return LmdbStore(self.settings.online, readonly=True)

    def table(self, name: str) -> Table:
        """The table of that name, whether or not it exists."""
        options = dict(self.settings.storage_options) or None
        return Table(f"{self.settings.storage}/{name}", options)

    def current(self, name: str) -> TableVersion:
        """The version of a table that counts now; NotFound says how to get one."""
        version = self.catalogue.current(name)
        if version is None:
            raise NotFound(f"table {name!r} has not been built yet; build it with: asof run")
        return version

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

    def write(
        self,
        name: str,
        rows: pa.Table,
        *,
        on: TableVersion | None,
        replace: bool = False,
        partition_by: Sequence[str] = (),
    ) -> int:
        """Commit rows on top of a version, or in its place; it counts once it is in the catalogue."""
        table = self.table(name)
        if on is None:
            table.create(rows.schema, partition_by)
            return table.overwrite(rows, on=0)
        write = table.overwrite if replace else table.append
        return write(rows, on=on.version)

    def close(self) -> None:
        """Let go of what was opened."""
        for name in ("catalogue", "online", "online_reader"):
            if name in self.__dict__:
                self.__dict__.pop(name).close()
