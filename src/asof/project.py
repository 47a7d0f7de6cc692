"""A project: its definitions, its data, and what can be done with them.

What computes is imported by the method that needs it, so that lookups load no engine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property, partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import pyarrow as pa

from asof.errors import Conflict, NotFound
from asof.features.describe import key_of
from asof.features.graph import Definitions
from asof.loading import load_definitions
from asof.revision import who
from asof.serving.lookup import Lookup, Vectors
from asof.serving.on_demand import OnDemandFunction
from asof.settings import Settings, find_project, load_settings
from asof.storage.catalogue import Revision, Run, Step, TableVersion, TrainingSetVersion
from asof.workspace import Workspace

if TYPE_CHECKING:
    from asof.plan import Plan
    from asof.run import OnStep
    from asof.steps.context import Report
    from asof.training import Built
    from asof.transforms.engines.engine import Engine


class Project:
    """A folder with an `asof.toml` and definitions. A context manager; `close` lets go of its files."""

    def __init__(self, settings: Settings, engine: Engine | None = None) -> None:
        self.settings = settings
        self.workspace = Workspace(settings)
        self._given_engine = engine

    @classmethod
    def open(cls, path: str = ".", profile: str | None = None, engine: str | Engine | None = None) -> Self:
        """Open the project in the folder `path`, or in the nearest one above it.

        `profile` and `engine` go before what `asof.toml` says; an engine that is given is left open.
        """
        settings = load_settings(find_project(path), profile)
        if isinstance(engine, str):
            return cls(replace(settings, engine=engine))
        return cls(settings, engine)

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
        """Let go of the catalogue, the online store and the engine."""
        self.workspace.close()
        if "engine" in self.__dict__:
            opened: Engine = self.__dict__.pop("engine")
            if opened is not self._given_engine:
                opened.close()

    @cached_property
    def definitions(self) -> Definitions:
        """What the project's Python files define."""
        return load_definitions(self.settings.definitions)

    @cached_property
    def engine(self) -> Engine:
        """Who computes: the engine that was given, or that the settings name, started when first used."""
        from asof.transforms.engines.engine import open_engine

        return self._given_engine or open_engine(self.settings.engine, self.settings.scheduler)

    def plan(self) -> Plan:
        """What `apply` and `run` would do."""
        from asof.plan import make_plan

        return make_plan(self.workspace, self.definitions)

    def apply(self) -> Revision:
        """Make the definitions the applied ones; the current revision where nothing has changed.

        Transforms are tried on a sample first. Conflict when somebody else's change came first.
        """
        from asof.plan import check_transforms

        current = self.workspace.catalogue.revision()
        if current is not None and current.hash == self.definitions.hash:
            return current
        check_transforms(self.workspace, self.definitions)
        expected = current.number if current else None
        return self.workspace.catalogue.apply(
            self.definitions.described, self.definitions.hash, who=who(), expected=expected
        )

    def run(self, *, report: Report = lambda line: None, on_step: OnStep = lambda step: None) -> Run:
        """Bring every table and what is online up to date with the sources and the applied definitions.

        `report` takes lines of progress, `on_step` each step that has ended.
        """
        from asof.run import run

        self._require_applied()
        return run(self.workspace, self.definitions, self.engine, report, on_step)

    def build_training_set(self, name: str) -> Built:
        """Build a training set from the tables as they are now, or find the version that is just that."""
        from asof.training import build

        self._require_applied()
        return build(self.workspace, self.definitions, name, self.engine)

    def training_sets(self, name: str | None = None) -> list[TrainingSetVersion]:
        """The versions of one or of all training sets, newest first."""
        return self.workspace.catalogue.training_sets(name)

    def training_set(self, name: str, version: int | None = None) -> TrainingSetVersion:
        """A version of a training set with its manifest, by default the newest."""
        return self.workspace.catalogue.training_set(name, version)

    def read_training_set(self, name: str, version: int | None = None) -> pa.Table:
        """The rows of a version of a training set, by cut-off and then keys."""
        found = self.training_set(name, version)
        rows = self.workspace.read(f"training_sets/{name}", found.version)
        return rows.sort_by([(column, "ascending") for column in ("cutoff", *found.manifest["keys"])])

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
        from asof.history import historical

        return historical(
            self.workspace, self.definitions, self.engine, service, labels, strict=strict, known_at=known_at
        )

    @cached_property
    def lookup(self) -> Lookup:
        """Online lookups. Definitions' files are read only where a service has on-demand features."""
        return Lookup(self.workspace.catalogue, self.workspace.online_reader, self._on_demand_functions)

    def _on_demand_functions(self) -> dict[str, OnDemandFunction]:
        from asof.transforms.on_demand import compute_on_demand

        described = self.definitions.described
        return {
            name: OnDemandFunction(described[key_of(view)], partial(compute_on_demand, view))
            for name, view in self.definitions.on_demand.items()
        }

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
