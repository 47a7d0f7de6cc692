"""The catalogue: the one place that says which version of every table counts.

A change of data becomes visible here and nowhere else: writers commit files first and then, in one
transaction, swap the versions that they started from for those that they made.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from types import TracebackType
from typing import Self

from asof.storage.catalogue import (
    backfills,
    environments,
    pushes,
    retention,
    revisions,
    runs,
    snapshots,
    training_sets,
    versions,
)
from asof.storage.catalogue.database import Database
from asof.storage.catalogue.heartbeat import beating
from asof.storage.catalogue.pushes import Push
from asof.storage.catalogue.records import (
    Chunk,
    Environment,
    Json,
    Manifest,
    Revision,
    Run,
    RunStatus,
    Snapshot,
    Step,
    TableVersion,
    TrainingSetVersion,
)
from asof.storage.catalogue.retention import Numbered


class Catalogue:
    """A catalogue in SQLite (`sqlite:///path` or a path) or PostgreSQL (`postgresql://...`).

    Opening does nothing yet; tables are made by the first call that needs them. Safe to share by
    threads, and to open in many processes. NotFound when the database can't be reached, DataError
    when it holds something else, DefinitionError for another kind of database.
    """

    def __init__(self, url: str) -> None:
        self._database = Database(url)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give connections back; the catalogue can still be used and opens new ones."""
        self._database.close()

    def current(self, table: str) -> TableVersion | None:
        """The version of a table that counts; None before the first commit."""
        with self._database.reading() as connection:
            return versions.current(connection, table)

    def tables(self) -> list[TableVersion]:
        """The version that counts of every table, by name."""
        with self._database.reading() as connection:
            return versions.currents(connection)

    def tables_at(self, time: datetime) -> list[TableVersion]:
        """The version of every table that counted at an aware time, by name."""
        with self._database.reading() as connection:
            return versions.currents_at(connection, time)

    def version(self, table: str, number: int) -> TableVersion:
        """A version by its number, or NotFound."""
        with self._database.reading() as connection:
            return versions.version(connection, table, number)

    def version_at(self, table: str, time: datetime) -> TableVersion:
        """The newest version committed at or before an aware time, or NotFound."""
        with self._database.reading() as connection:
            return versions.version_at(connection, table, time)

    def history(
        self, table: str, *, before: int | None = None, limit: int | None = None
    ) -> list[TableVersion]:
        """The newest versions of a table, newest first: those before the version `before`, or all."""
        with self._database.reading() as connection:
            return versions.history(connection, table, before, limit)

    def commit(
        self,
        versions_made: Sequence[TableVersion],
        *,
        expected: Mapping[str, int | None],
        step: Step | None = None,
        manifest: Manifest | tuple[str, int, Json] | None = None,
    ) -> None:
        """Make new versions count, all or none, with the step and manifest that belong to them.

        `expected` gives the version of every table written that must be current until now (None:
        there is none yet); a table that is only named there must not have moved. Conflict, naming
        the table, what was found and whose run made it, when somebody else's commit came first; or
        where what a manifest names has been freed.
        """
        with self._database.writing() as connection:
            versions.swap(connection, versions_made, expected)
            if step is not None:
                runs.record(connection, step)
            if manifest is not None:
                _, _, content = manifest
                retention.check_kept(connection, content.get("inputs", {}))
                training_sets.add_training_set(connection, Manifest(*manifest))

    def start_run(
        self,
        *,
        who: str,
        engine: str = "local",
        code_revision: str = "",
        alone: bool = True,
        environment: str = "",
    ) -> Run:
        """Record that a run starts now, under a new id that sorts by time.

        Runs of which nothing was heard for a minute, or whose process on this host is gone, are
        recorded as lost. AtWork, a Conflict, where it is to be `alone`, and another such run of its
        environment is at work.
        """
        with self._database.writing() as connection:
            return runs.start(connection, who, engine, code_revision, alone=alone, environment=environment)

    def at_work(self, run: str) -> AbstractContextManager[None]:
        """Within it the run counts as at work; outside it does no longer."""
        return beating(run, self._see)

    def _see(self, run: str) -> None:
        with self._database.writing() as connection:
            runs.see(connection, run)

    def runs_at_work(self) -> list[Run]:
        """The runs that are at work, oldest first."""
        with self._database.reading() as connection:
            return runs.at_work(connection)

    def finish_run(self, id: str, status: RunStatus, error: str | None = None) -> Run:
        """Record how a run ended, now; NotFound for an unknown id."""
        with self._database.writing() as connection:
            return runs.finish(connection, id, status, error)

    def record_step(self, step: Step) -> None:
        """Record a step of a run, in place of what was recorded of it before."""
        with self._database.writing() as connection:
            runs.record(connection, step)

    def keep_chunk(self, chunk: Chunk) -> None:
        """Keep what a backfill has done so far of a table."""
        with self._database.writing() as connection:
            backfills.keep(connection, chunk)

    def chunks(self, table: str) -> list[Chunk]:
        """What backfills of a table have done that are not committed yet, by backfill and number."""
        with self._database.reading() as connection:
            return backfills.chunks(connection, table)

    def forget_chunks(self, backfill: str) -> None:
        """Let go of the chunks of a backfill."""
        with self._database.writing() as connection:
            backfills.forget(connection, backfill)

    def run(self, id: str) -> Run:
        """A run by its id, or NotFound."""
        with self._database.reading() as connection:
            return runs.run(connection, id)

    def run_ending(self, end: str) -> Run:
        """The newest run whose id ends so, or NotFound."""
        with self._database.reading() as connection:
            return runs.run_ending(connection, end)

    def runs(self, limit: int = 20) -> list[Run]:
        """The newest runs, newest first."""
        with self._database.reading() as connection:
            return runs.latest(connection, limit)

    def steps(self, run: str) -> list[Step]:
        """The steps of a run in the order in which they started."""
        with self._database.reading() as connection:
            return runs.steps(connection, run)

    def steps_of(self, ids: Collection[str]) -> list[Step]:
        """The steps of some runs, in no order."""
        with self._database.reading() as connection:
            return runs.steps_of(connection, ids)

    def apply(
        self,
        definitions: Json,
        hash: str,
        *,
        who: str,
        expected: int | None,
        environment: str = "",
        code_revision: str = "",
        rolled_back_to: int | None = None,
    ) -> Revision:
        """Make definitions the applied ones, on top of revision `expected` (None: the first).

        Conflict, naming the revision, who and when, when somebody else's came first.
        """
        with self._database.writing() as connection:
            return revisions.apply(
                connection, definitions, hash, who, expected, environment, code_revision, rolled_back_to
            )

    def apply_in(
        self,
        environment: str,
        definitions: Json,
        hash: str,
        *,
        who: str,
        expected: int | None,
        based_on: int | None,
        code_revision: str = "",
    ) -> Revision:
        """As `apply`, in an environment, which is made with its first revision.

        `based_on` is the revision of production whose changes the definitions have in them.
        """
        with self._database.writing() as connection:
            return environments.apply(
                connection, environment, definitions, hash, who, expected, based_on, code_revision
            )

    def environments(self) -> list[Environment]:
        """All environments but production, by name."""
        with self._database.reading() as connection:
            return environments.environments(connection)

    def environment(self, name: str) -> Environment:
        """An environment by its name, or NotFound."""
        with self._database.reading() as connection:
            return environments.environment(connection, name)

    def promote(
        self,
        environment: str,
        made: Sequence[TableVersion],
        *,
        expected: Mapping[str, int | None],
        revision: Revision,
        on: int | None,
        who: str,
        steps: Sequence[Step],
    ) -> Revision:
        """Make versions and the environment's `revision` production's, on top of its `on`; all or none.

        `expected` as in `commit`. Conflict when somebody else's commit or revision came first.
        """
        with self._database.writing() as connection:
            return environments.promote(connection, environment, made, expected, revision, who, on, steps)

    def drop_environment(self, name: str, *, tables: str, training_sets: str) -> None:
        """Forget an environment, with the tables and training sets whose names begin with these."""
        with self._database.writing() as connection:
            environments.drop(connection, name, tables, training_sets)

    def revision(self, number: int | None = None, environment: str = "") -> Revision | None:
        """The newest revision of an environment (None before the first), or one by number, or NotFound."""
        with self._database.reading() as connection:
            if number is None:
                return revisions.newest(connection, environment)
            return revisions.numbered(connection, number, environment)

    def revision_at(self, time: datetime, environment: str = "") -> Revision:
        """The revision of an environment that counted at an aware time, or NotFound."""
        with self._database.reading() as connection:
            return revisions.applied_at(connection, time, environment)

    def revisions(self, environment: str = "") -> list[Revision]:
        """All revisions of an environment, newest first."""
        with self._database.reading() as connection:
            return revisions.all_of_them(connection, environment)

    def add_training_set(self, name: str, version: int, manifest: Json) -> None:
        """Record a version of a training set; Conflict when it is there already."""
        with self._database.writing() as connection:
            training_sets.add_training_set(connection, Manifest(name, version, manifest))

    def training_sets(self, name: str | None = None) -> list[TrainingSetVersion]:
        """Versions of one or of all training sets, by name, newest first."""
        with self._database.reading() as connection:
            return training_sets.training_sets(connection, name)

    def training_set_names(self) -> list[str]:
        """The names of the training sets that have versions."""
        with self._database.reading() as connection:
            return training_sets.names(connection)

    def training_set(self, name: str, version: int | None = None) -> TrainingSetVersion:
        """A version of a training set, the newest unless said; or NotFound."""
        with self._database.reading() as connection:
            return training_sets.training_set(connection, name, version)

    def unneeded(self, since: datetime, kept: Collection[str] = ()) -> list[Numbered]:
        """The versions that did not count at `since` or later, and that nothing names.

        A snapshot names versions, as does a training set: itself, and those that it is built again from;
        and what is online names what it was published from. All of the tables `kept` are needed.
        """
        with self._database.reading() as connection:
            return retention.unneeded(connection, since, kept)

    def free(self, chosen: Sequence[Numbered], since: datetime, kept: Collection[str] = ()) -> list[Numbered]:
        """Mark those of the chosen versions that are `unneeded` still as freed: their rows may go."""
        with self._database.writing() as connection:
            return retention.free(connection, chosen, since, kept)

    def readable(self) -> dict[str, set[int]]:
        """The versions of every table that are not freed."""
        with self._database.reading() as connection:
            return retention.readable(connection)

    def create_snapshot(self, name: str, *, who: str) -> Snapshot:
        """Name the version of every table that counts now, all of one moment.

        Conflict where the name is taken, NotFound where there are no tables yet.
        """
        with self._database.writing() as connection:
            return snapshots.create(connection, name, who)

    def snapshots(self) -> list[Snapshot]:
        """All snapshots, newest first."""
        with self._database.reading() as connection:
            return snapshots.snapshots(connection)

    def snapshot(self, name: str) -> Snapshot:
        """A snapshot by its name, or NotFound."""
        with self._database.reading() as connection:
            return snapshots.snapshot(connection, name)

    def drop_snapshot(self, name: str) -> Snapshot:
        """Forget a snapshot, and give what it was; NotFound where there is none."""
        with self._database.writing() as connection:
            return snapshots.drop(connection, name)

    def push(self, source: str, format: str, rows: Sequence[bytes], key: str | None = None) -> None:
        """Keep rows that were pushed to a source, durably, all or none, as pushes one after the other.

        Rows with the key of earlier ones, of the last week, are those: nothing is kept twice.
        """
        with self._database.writing() as connection:
            pushes.add(connection, source, format, rows, key)

    def pushes_waiting(self, source: str, after: int) -> list[int]:
        """The numbers of the pushes to a source that came after one of them, in their order."""
        with self._database.reading() as connection:
            return pushes.waiting(connection, source, after)

    def pushed(self, source: str, number: int) -> Push:
        """A push that waits, with its rows."""
        with self._database.reading() as connection:
            return pushes.push(connection, source, number)

    def forget_pushed(self, source: str, through: int) -> None:
        """Let go of what was pushed to a source up to one push, which has been taken in."""
        with self._database.writing() as connection:
            pushes.forget(connection, source, through)
