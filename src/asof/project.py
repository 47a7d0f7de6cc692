"""A project: its definitions, its data, and what can be done with them.

What computes is imported by the method that needs it, so that lookups load no engine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property, partial
from threading import Event
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import pyarrow as pa

from asof.errors import Conflict, NotFound
from asof.features.describe import key_of
from asof.features.graph import Definitions
from asof.features.source import Source
from asof.loading import load_definitions
from asof.revision import who
from asof.serving.lookup import Lookup, Vectors
from asof.serving.on_demand import OnDemandFunction
from asof.settings import Settings, find_project, load_settings
from asof.storage.catalogue import Revision, Run, Step, TableVersion, TrainingSetVersion
from asof.workspace import Workspace

if TYPE_CHECKING:
    from asof.ingest.schema.inferred import Inferred
    from asof.plan import Plan
    from asof.run import OnStep
    from asof.steps.context import Report
    from asof.training import Built
    from asof.training_sets.card import Card
    from asof.training_sets.comparison import Comparison
    from asof.training_sets.data import TrainingData
    from asof.training_sets.verification import Verification
    from asof.transforms.engines.engine import Engine
    from asof.transforms.validation.outcomes import Outcome


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

    def infer(self, source: str) -> Inferred:
        """The schema that the rows of a defined source have, or files that match a pattern."""
        from asof.features.readers.files import Files
        from asof.ingest.place import Place
        from asof.ingest.schema.inferred import infer

        found = self.definitions.sources.get(source) or Source(
            "inferred", reader=Files(source), schema={"unknown": "string"}, known_since="1970-01-01"
        )
        return infer(found, Place(str(self.settings.folder), inbox=self.workspace.catalogue))

    def quarantined(self, source: str, *, failed: bool = False, **chosen: str | None) -> pa.Table:
        """The rows of a source in quarantine, or those for which its last run `failed`.

        `chosen` are those to give: by `stage`, `column`, a text in the `reason`, the end of a `run`.
        """
        from asof.steps.quarantine import Chosen, rows_of

        self.definitions.named(Source, source)
        table = f"{'rejected' if failed else 'quarantine'}/{source}"
        rows = rows_of(self.workspace, self.workspace.catalogue.current(table))
        return rows.filter(Chosen(**chosen).of(rows))

    def replay(self, source: str, **chosen: str | None) -> Step:
        """Read rows in quarantine again as now defined; those that pass go to the raw table, each once.

        `chosen` as in `quarantined`. Rows that cleaning rejected are tried again by `run`.
        """
        from asof.run import replay_quarantine
        from asof.steps.quarantine import Chosen

        self._require_applied()
        return replay_quarantine(self.workspace, self.definitions, source, Chosen(**chosen))

    def drop_quarantined(self, source: str, **chosen: str | None) -> Step:
        """Take rows out of quarantine for good; `chosen` as in `quarantined`."""
        from asof.run import drop_quarantine
        from asof.steps.quarantine import Chosen

        return drop_quarantine(self.workspace, self.definitions, source, Chosen(**chosen))

    def validate(self, sources: Sequence[str] = ()) -> dict[str, list[Outcome]]:
        """The outcome of each expectation of clean tables as they are: of all sources or those named."""
        from asof.steps.validate import validate

        known = self.definitions.sources
        wanted = [self.definitions.named(Source, name) for name in sources or sorted(known)]
        return {source.name: validate(self.workspace, source) for source in wanted}

    def ingest(
        self,
        sources: Sequence[str] = (),
        *,
        follow: Event | None = None,
        accept_loss: bool = False,
        report: Report = lambda line: None,
        on_step: OnStep = lambda step: None,
    ) -> Run:
        """Bring the raw tables of sources, by default of all, up to date, and nothing that is made of them.

        With `follow` they are kept so until that event is set; `on_step` then takes what each commit
        took in. `accept_loss` goes on where rows that were never read are gone for good, as when a
        topic did not keep them long enough; what is lost is noted in quarantine.
        """
        from asof.following import ingest

        self._require_applied()
        return ingest(
            self.workspace, self.definitions, self.engine, sources, report, on_step, follow, accept_loss
        )

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

    def verify_training_set(self, name: str, version: int | None = None) -> Verification:
        """Build a version again from the table versions in its manifest, and compare; nothing is written.

        Conflict where the definitions are no longer those that it was built with, NotFound where one of
        those table versions is gone.
        """
        from asof.training_sets.verification import verify

        return verify(self.workspace, self.definitions, self.training_set(name, version), self.engine)

    def compare_training_sets(
        self, first: tuple[str, int | None], second: tuple[str, int | None]
    ) -> Comparison:
        """Two versions, each given by its name and number (None: the newest), side by side."""
        from asof.training_sets.comparison import compare

        return compare(self.workspace, self.training_set(*first), self.training_set(*second))

    def training_data(
        self, name: str, version: int | None = None, *, split: str | None = None
    ) -> TrainingData:
        """The rows of a version for whoever trains, of one `split` or all: in Arrow, NumPy, batches, ..."""
        from asof.training_sets.data import TrainingData

        table = self.workspace.table(f"training_sets/{name}")
        return TrainingData(self.training_set(name, version), table, split)

    def training_set_card(self, name: str, version: int | None = None) -> Card:
        """What a version is, for people who did not build it."""
        from asof.training_sets.card import card

        return card(self.workspace, self.training_data(name, version))

    def read_training_set(self, name: str, version: int | None = None) -> pa.Table:
        """The rows of a version of a training set, by cut-off and then keys."""
        return self.training_data(name, version).arrow()

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

    def push(self, source: str, rows: object, *, key: str | None = None) -> int:
        """Keep rows, durably, until a run takes them into a source whose reader is `Push`; how many.

        `rows` is an Arrow table, a data frame or a list of dicts. The same rows again with the same
        `key`, within a week, count once.
        """
        from asof.serving.pushing import push

        return push(self.workspace.catalogue, source, rows, key)

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
