"""A project: its definitions, its data, and what can be done with them.

What computes is imported by the method that needs it, so that lookups load no engine.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cached_property, partial
from threading import Event
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import pyarrow as pa

from asof.environment import check_environment
from asof.features.describe import key_of
from asof.features.durations import Duration
from asof.features.graph import Definitions
from asof.features.source import Source
from asof.loading import load_definitions
from asof.revision import code_revision, who
from asof.serving.lookup import Lookup, Vectors
from asof.serving.on_demand import OnDemandFunction
from asof.settings import Settings, find_project, load_settings
from asof.storage.catalogue import Revision, Run, Snapshot, Step, TableVersion, TrainingSetVersion
from asof.storage.catalogue.training_sets import table_of
from asof.workspace import Workspace

if TYPE_CHECKING:
    from asof.applied import Applied
    from asof.environments.life import Kept, Promoted
    from asof.features.lineage.lineage import Lineage
    from asof.ingest.schema.inferred import Inferred
    from asof.leaks.finding import Leaks
    from asof.planning.plan import Plan
    from asof.retention.collecting import Unneeded
    from asof.runs.run import OnStep
    from asof.steps.context import Report
    from asof.training_sets.building import Built
    from asof.training_sets.card import Card
    from asof.training_sets.comparison import Comparison
    from asof.training_sets.data import TrainingData
    from asof.training_sets.verification import Verification
    from asof.transforms.engines.engine import Engine
    from asof.transforms.validation.outcomes import Outcome


class Project:
    """A folder with an `asof.toml` and definitions. A context manager; `close` lets go of its files."""

    def __init__(self, settings: Settings, engine: Engine | None = None, environment: str = "") -> None:
        self.settings = settings
        self.environment = environment and check_environment(environment)
        self.workspace = Workspace(settings)
        self._given_engine = engine

    @classmethod
    def open(
        cls,
        path: str = ".",
        profile: str | None = None,
        engine: str | Engine | None = None,
        environment: str = "",
    ) -> Self:
        """Open the project in the folder `path`, or in the nearest one above it.

        `profile` and `engine` go before what `asof.toml` says; an engine that is given is left open.
        In an `environment` plan, apply, run and build work beside production.
        """
        settings = load_settings(find_project(path), profile)
        if isinstance(engine, str):
            return cls(replace(settings, engine=engine), environment=environment)
        return cls(settings, engine, environment)

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

    @property
    def applied(self) -> Definitions:
        """The definitions to go by: those of the files or, after a roll-back, the ones rolled back to."""
        from asof.applied import in_effect

        return in_effect(self.workspace, self.definitions, self.environment)

    def _seen(self, definitions: Definitions) -> Workspace:
        """The workspace as the environment sees it now, with these definitions."""
        from asof.environments.life import within

        return within(self.workspace, definitions, self.environment) if self.environment else self.workspace

    def environments(self) -> list[Kept]:
        """All environments but production, by name."""
        from asof.environments.life import environments

        return environments(self.workspace)

    def named_environment(self, name: str) -> Kept:
        """An environment by its name, or NotFound."""
        from asof.environments.life import environment

        return environment(self.workspace, name)

    def promote(
        self, environment: str, *, force: bool = False, report: Report = lambda line: None
    ) -> Promoted:
        """Make an environment's definitions and tables production's, without computing anything anew.

        Conflict, and nothing counts, where production has changes that the environment lacks, where the
        environment is not up to date, and where anything moves on meanwhile. DefinitionError where it breaks
        what others use of production, unless `force`.
        """
        from asof.environments.life import promote

        self.workspace.catalogue.environment(environment)
        applied = self._require_applied(environment)
        return promote(self.workspace, applied, environment, report, force=force)

    def drop_environment(self, name: str) -> Kept:
        """Remove an environment with its tables and training sets; what it was."""
        from asof.environments.life import drop

        return drop(self.workspace, name)

    def plan(self) -> Plan:
        """What `apply` and `run` would do."""
        from asof.planning.plan import make_plan

        return make_plan(self._seen(self.definitions), self.definitions)

    def apply(self, *, force: bool = False) -> Revision:
        """Make the definitions the applied ones; the current revision where nothing has changed.

        Transforms are tried on a sample first. Conflict when somebody else's change came first,
        DefinitionError where it breaks what others use of production (see `Plan.breaks`), unless `force`.
        """
        from asof.environments.life import apply_in
        from asof.planning.plan import broken, check_breaks, check_transforms

        current = self.workspace.catalogue.revision(environment=self.environment)
        if current is not None and current.hash == self.definitions.hash:
            return current
        check_transforms(self._seen(self.definitions), self.definitions)
        if self.environment:
            return apply_in(self.workspace, self.definitions, self.environment)
        if not force:
            check_breaks(broken(self.workspace, self.definitions))
        expected = current.number if current else None
        return self.workspace.catalogue.apply(
            self.definitions.described,
            self.definitions.hash,
            who=who(),
            expected=expected,
            code_revision=code_revision(self.settings.folder),
        )

    def roll_back(self, revision: int) -> Revision:
        """Make the definitions of an older revision the applied ones, as a new revision.

        From then on they are gone by, whatever the files say, until `apply`. Conflict where they have a
        function that is no longer in the code, or when somebody else's change came first.
        """
        from asof.applied import roll_back

        return roll_back(self.workspace, self.definitions, revision, self.environment)

    def revisions(self) -> list[Applied]:
        """The definitions that were applied, with what each revision changed, newest first."""
        from asof.applied import history

        return history(self.workspace, self.environment)

    def revision(self, number: int) -> Applied:
        """The definitions that were applied as a revision, with what that changed; or NotFound."""
        from asof.applied import one_of_history

        return one_of_history(self.workspace, number, self.environment)

    def run(
        self,
        *,
        select: Sequence[str] = (),
        full: bool = False,
        wait: bool = False,
        report: Report = lambda line: None,
        on_step: OnStep = lambda step: None,
    ) -> Run:
        """Bring every table and what is online up to date with the sources and the applied definitions.

        `select` names definitions to do this for (`"spend"`, `"view/spend"`, `"+spend"` with what it needs,
        `"spend+"` with what depends on it); `full` builds anew. While another run is at work: Conflict, or
        with `wait` it begins when that has ended. `report` takes lines of progress, from the thread of the
        step, `on_step` each step that has ended well.
        """
        from asof.runs.run import run

        applied = self._require_applied(report=report)
        return run(
            self._seen(applied),
            applied,
            self.engine,
            report,
            on_step,
            select=select,
            full=full,
            wait=wait,
        )

    def backfill(
        self,
        view: str,
        start: datetime,
        end: datetime,
        *,
        chunk: str | timedelta | Duration = "30d",
        wait: bool = False,
        report: Report = lambda line: None,
        on_step: OnStep = lambda step: None,
    ) -> Run:
        """Compute a view's rows with `start` <= event time < `end` again, with the definitions of now.

        All other rows of its table stay as they are. It goes on in chunks of that much time; killed and
        called again with the same arguments it goes on after the last that was done, and the new version
        counts once all are there. Times have a zone; `wait`, `report` and `on_step` are as in `run`.
        """
        from asof.runs.backfill import backfill

        applied = self._require_applied(report=report)
        return backfill(
            self.workspace, applied, self.engine, view, start, end, chunk, report, on_step, wait=wait
        )

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

        self.applied.named(Source, source)
        table = f"{'rejected' if failed else 'quarantine'}/{source}"
        rows = rows_of(self.workspace, self.workspace.catalogue.current(table))
        return rows.filter(Chosen(**chosen).of(rows))

    def replay(self, source: str, **chosen: str | None) -> Step:
        """Read rows in quarantine again as now defined; those that pass go to the raw table, each once.

        `chosen` as in `quarantined`. Rows that cleaning rejected are tried again by `run`.
        """
        from asof.runs.run import replay_quarantine
        from asof.steps.quarantine import Chosen

        applied = self._require_applied()
        return replay_quarantine(self.workspace, applied, source, Chosen(**chosen))

    def drop_quarantined(self, source: str, **chosen: str | None) -> Step:
        """Take rows out of quarantine for good; `chosen` as in `quarantined`."""
        from asof.runs.run import drop_quarantine
        from asof.steps.quarantine import Chosen

        return drop_quarantine(self.workspace, self.applied, source, Chosen(**chosen))

    def validate(self, sources: Sequence[str] = ()) -> dict[str, list[Outcome]]:
        """The outcome of each expectation of clean tables as they are: of all sources or those named."""
        from asof.steps.validate import validate

        applied = self.applied
        wanted = [applied.named(Source, name) for name in sources or sorted(applied.sources)]
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
        from asof.runs.following import ingest

        applied = self._require_applied(report=report)
        return ingest(self.workspace, applied, self.engine, sources, report, on_step, follow, accept_loss)

    def build_training_set(self, name: str, *, at: datetime | str | None = None) -> Built:
        """Build a training set from the tables as they are now, or find the version that is just that.

        `at` a time with a zone, or a snapshot by its name, it is as it would have been built then: from the
        tables that counted, with the definitions that were applied. NotFound where there were none yet.
        """
        from asof.training_sets.building import build, build_at

        if at is not None:
            return build_at(self._seen(self.definitions), self.definitions, name, self.engine, at)
        applied = self._require_applied()
        return build(self._seen(applied), applied, name, self.engine)

    def check_leaks(self, name: str, version: int | None = None) -> Leaks:
        """What the leak checks find in a training set as it would be built now; nothing is written.

        Of a `version` it is what they found when it was built.
        """
        from asof.training_sets.building import find_leaks, leaks_of

        if version is not None:
            return leaks_of(self._seen(self.applied), self.training_set(name, version))
        applied = self._require_applied()
        return find_leaks(self._seen(applied), applied, name, self.engine)

    def training_sets(self, name: str | None = None) -> list[TrainingSetVersion]:
        """The versions of one or of all training sets, newest first."""
        return self.workspace.catalogue.training_sets(name)

    def training_set(self, name: str, version: int | None = None) -> TrainingSetVersion:
        """A version of a training set with its manifest, by default the newest."""
        return self.workspace.catalogue.training_set(name, version)

    def verify_training_set(self, name: str, version: int | None = None) -> Verification:
        """Build a version again from the table versions in its manifest, and compare; nothing is written.

        It is built with the definitions of then. Conflict where a function in Python that they have is no
        longer in the code, NotFound where one of those table versions is gone.
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

        table = self.workspace.stored(table_of(name))
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
            self.workspace, self.applied, self.engine, service, labels, strict=strict, known_at=known_at
        )

    @cached_property
    def lookup(self) -> Lookup:
        """Online lookups. Definitions' files are read only where a service has on-demand features."""
        return Lookup(self.workspace.catalogue, self.workspace.online_reader, self._on_demand_functions)

    def _on_demand_functions(self) -> dict[str, OnDemandFunction]:
        from asof.transforms.on_demand import compute_on_demand

        applied = self.applied
        return {
            name: OnDemandFunction(applied.described[key_of(view)], partial(compute_on_demand, view))
            for name, view in applied.on_demand.items()
        }

    def push(self, source: str, rows: object, *, key: str | None = None) -> int:
        """Keep rows, durably, until a run takes them into a source whose reader is `Push`; how many.

        `rows` is an Arrow table, a data frame or a list of dicts. The same rows again with the same
        `key`, within a week, count once.
        """
        from asof.serving.pushing import push

        return push(self.workspace.catalogue, source, rows, key)

    def lineage(self, name: str, direction: str = "both") -> Lineage:
        """What something depends on ("upstream"), what depends on it ("downstream"), or both, by columns.

        `name` is as of the command: `spend`, `spend.amount_sum_7d`, `view/spend`, `churn@3`.
        """
        from asof.lineage import lineage

        applied = self.applied
        return lineage(self._seen(applied), applied, name, direction)

    def tables(self, at: datetime | str | None = None) -> list[TableVersion]:
        """The version of every table that counts, or that counted at a time or a snapshot."""
        from asof.moments import versions_at

        return self.workspace.catalogue.tables() if at is None else versions_at(self.workspace, at)

    def read(
        self, table: str, columns: Sequence[str] | None = None, *, at: datetime | str | None = None
    ) -> pa.Table:
        """The rows of a table as they are, or as they were at an aware time or at a snapshot, by its name.

        NotFound where there was no such version, or where `gc` has freed it.
        """
        version = self.version(table, at)
        return self.workspace.stored(version.table).read(version.version, columns)

    def version(self, table: str, at: datetime | str | None = None) -> TableVersion:
        """The version of a table that counts, or that counted at a moment and can still be read."""
        from asof.moments import version_at

        seen = self._seen(self.definitions)
        return seen.current(table) if at is None else version_at(seen, table, at)

    def create_snapshot(self, name: str) -> Snapshot:
        """Name the version of every table that counts now; what is named can be read for as long as it is.

        Conflict where there is a snapshot of that name.
        """
        from asof.moments import check_snapshot_name

        return self.workspace.catalogue.create_snapshot(check_snapshot_name(name), who=who())

    def snapshots(self) -> list[Snapshot]:
        """All snapshots, newest first."""
        return self.workspace.catalogue.snapshots()

    def snapshot(self, name: str) -> Snapshot:
        """A snapshot by its name, or NotFound."""
        return self.workspace.catalogue.snapshot(name)

    def drop_snapshot(self, name: str) -> Snapshot:
        """Forget a snapshot, so that `gc` may free what nothing else needs of it; what it was."""
        return self.workspace.catalogue.drop_snapshot(name)

    def unneeded(self) -> list[Unneeded]:
        """What `gc` would free now: versions past their retention that nothing names, files of no version."""
        from asof.retention.collecting import unneeded

        return unneeded(self.workspace, datetime.now(UTC))

    def gc(self, chosen: Iterable[Unneeded] | None = None) -> list[Unneeded]:
        """Free what nothing needs: of versions those that were `chosen` from `unneeded`, by default all.

        What went. Safe beside runs, and where it is killed the next goes on.
        """
        from asof.retention.collecting import collect

        return list(collect(self.workspace, self.unneeded() if chosen is None else chosen, datetime.now(UTC)))

    def runs(self, limit: int = 20) -> list[Run]:
        """The newest runs, newest first."""
        return self.workspace.catalogue.runs(limit)

    def steps(self, run: str) -> list[Step]:
        """The steps of a run, with their accounting."""
        return self.workspace.catalogue.steps(run)

    def _require_applied(
        self, environment: str | None = None, report: Report = lambda line: None
    ) -> Definitions:
        from asof.applied import required

        name = self.environment if environment is None else environment
        return required(self.workspace, self.definitions, name, report)
