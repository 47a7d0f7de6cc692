"""A project: its definitions, its data, and what can be done with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from types import TracebackType
from typing import Any, Self

import pyarrow as pa

from asof.errors import Conflict, NotFound
from asof.features.graph import Definitions
from asof.history import historical
from asof.loading import load_definitions
from asof.plan import Plan, make_plan
from asof.revision import who
from asof.run import OnStep, run
from asof.serving.lookup import Lookup, Vectors
from asof.settings import Settings, find_project, load_settings
from asof.steps.context import Report
from asof.storage.catalogue import Revision, Run, Step, TableVersion, TrainingSetVersion
from asof.training import Built, build
from asof.transforms.engine import LocalEngine
from asof.workspace import Workspace


class Project:
    """A folder with an `asof.toml` and definitions. A context manager; `close` lets go of its files."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.workspace = Workspace(settings)

    @classmethod
    def open(cls, path: str = ".", profile: str | None = None) -> Self:
        """Open the project in the folder `path`, or in the nearest one above it."""
        return cls(load_settings(find_project(path), profile))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Project({self.settings.name!r}, {str(self.settings.folder)!r})"

    def close(self) -> None:
        """Let go of the catalogue and the online store."""
        self.workspace.close()

    @cached_property
    def definitions(self) -> Definitions:
        """What the project's Python files define."""
        return load_definitions(self.settings.definitions)

    def plan(self) -> Plan:
        """What `apply` and `run` would do."""
        return make_plan(self.workspace, self.definitions)

    def apply(self) -> Revision:
        """Make the definitions the applied ones; the current revision where nothing has changed.

        Conflict when somebody else's change came first.
        """
        current = self.workspace.catalogue.revision()
        if current is not None and current.hash == self.definitions.hash:
            return current
        expected = current.number if current else None
        return self.workspace.catalogue.apply(
            self.definitions.described, self.definitions.hash, who=who(), expected=expected
        )

    def run(self, *, report: Report = lambda line: None, on_step: OnStep = lambda step: None) -> Run:
        """Bring every table and what is online up to date with the sources and the applied definitions.

        `report` takes lines of progress, `on_step` each step that has ended.
        """
        self._require_applied()
        return run(self.workspace, self.definitions, report, on_step)

    def build_training_set(self, name: str) -> Built:
        """Build a training set from the tables as they are now, or find the version that is just that."""
        self._require_applied()
        return build(self.workspace, self.definitions, name, LocalEngine())

    def training_sets(self, name: str | None = None) -> list[TrainingSetVersion]:
        """The versions of one or of all training sets, newest first."""
        return self.workspace.catalogue.training_sets(name)

    def training_set(self, name: str, version: int | None = None) -> TrainingSetVersion:
        """A version of a training set with its manifest, by default the newest."""
        return self.workspace.catalogue.training_set(name, version)

    def read_training_set(self, name: str, version: int | None = None) -> pa.Table:
        """The rows of a version of a training set, by cut-off and then keys."""
        found = self.training_set(name, version)
        return self.workspace.read(f"training_sets/{name}", found.version)

    def get(
        self, service: str, keys: Mapping[str, object] | Sequence[Mapping[str, object]], **options: Any
    ) -> Vectors:
        """Look features up online: one vector for each mapping of entity keys."""
        return self.lookup.get(service, keys, **options)

    def get_historical(
        self, service: str, labels: pa.Table, *, strict: bool = False, known_at: str = "respect"
    ) -> pa.Table:
        """`labels` (entity keys and a `cutoff` with a zone) with a service's features as of each cut-off.

        `strict` and `known_at` are as in `TrainingSet`.
        """
        return historical(self.workspace, self.definitions, service, labels, strict=strict, known_at=known_at)

    @cached_property
    def lookup(self) -> Lookup:
        """Online lookups. They need what was applied and published, not the definitions' files."""
        return Lookup(self.workspace.catalogue, self.workspace.online_reader)

    def tables(self) -> list[TableVersion]:
        """The version that counts of every table."""
        return self.workspace.catalogue.tables()

    def runs(self, limit: int = 20) -> list[Run]:
        """The newest runs, newest first."""
        return self.workspace.catalogue.runs(limit)

    def steps(self, run: str) -> list[Step]:
        """The steps of a run, with their accounting."""
        return self.workspace.catalogue.steps(run)

    def _require_applied(self) -> None:
        current = self.workspace.catalogue.revision()
        if current is None:
            raise NotFound("nothing has been applied yet; look with: asof plan, then: asof apply")
        if current.hash != self.definitions.hash:
            raise Conflict(
                f"the definitions differ from the applied revision {current.number}; "
                "look with: asof plan, then: asof apply"
            )
