"""The catalogue: the one place that says which version of every table counts.

A change of data becomes visible here and nowhere else: writers commit files first and then, in one
transaction, swap the versions that they started from for those that they made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from types import TracebackType
from typing import Self

from asof.storage.catalogue import pushes, revisions, runs, training_sets, versions
from asof.storage.catalogue.database import Database
from asof.storage.catalogue.heartbeat import beating
from asof.storage.catalogue.pushes import Push
from asof.storage.catalogue.records import (
    Json,
    Manifest,
    Revision,
    Run,
    RunStatus,
    Step,
    TableVersion,
    TrainingSetVersion,
)


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
        the table, what was found and whose run made it, when somebody else's commit came first.
        """
        with self._database.writing() as connection:
            versions.swap(connection, versions_made, expected)
            if step is not None:
                runs.record(connection, step)
            if manifest is not None:
                training_sets.add_training_set(connection, Manifest(*manifest))

    def start_run(
        self, *, who: str, engine: str = "local", code_revision: str = "", alone: bool = True
    ) -> Run:
        """Record that a run starts now, under a new id that sorts by time.

        Runs of which nothing was heard for a minute, or whose process on this host is gone, are
        recorded as lost. Conflict where it is to be `alone`, and another such run is at work.
        """
        with self._database.writing() as connection:
            return runs.start(connection, who, engine, code_revision, alone=alone)

    def at_work(self, run: str) -> AbstractContextManager[None]:
        """Within it the run counts as at work; outside it does no longer."""
        return beating(run, self._see)

    def _see(self, run: str) -> None:
        with self._database.writing() as connection:
            runs.see(connection, run)

    def finish_run(self, id: str, status: RunStatus, error: str | None = None) -> Run:
        """Record how a run ended, now; NotFound for an unknown id."""
        with self._database.writing() as connection:
            return runs.finish(connection, id, status, error)

    def record_step(self, step: Step) -> None:
        """Record a step of a run, in place of what was recorded of it before."""
        with self._database.writing() as connection:
            runs.record(connection, step)

    def run(self, id: str) -> Run:
        """A run by its id, or NotFound."""
        with self._database.reading() as connection:
            return runs.run(connection, id)

    def runs(self, limit: int = 20) -> list[Run]:
        """The newest runs, newest first."""
        with self._database.reading() as connection:
            return runs.latest(connection, limit)

    def steps(self, run: str) -> list[Step]:
        """The steps of a run in the order in which they started."""
        with self._database.reading() as connection:
            return runs.steps(connection, run)

    def apply(self, definitions: Json, hash: str, *, who: str, expected: int | None) -> Revision:
        """Make definitions the applied ones, on top of revision `expected` (None: the first).

        Conflict, naming the revision, who and when, when somebody else's came first.
        """
        with self._database.writing() as connection:
            return revisions.apply(connection, definitions, hash, who, expected)

    def revision(self, number: int | None = None) -> Revision | None:
        """The newest revision (None before the first), or one by its number, or NotFound."""
        with self._database.reading() as connection:
            if number is None:
                return revisions.newest(connection)
            return revisions.numbered(connection, number)

    def revisions(self) -> list[Revision]:
        """All revisions, newest first."""
        with self._database.reading() as connection:
            return revisions.all_of_them(connection)

    def add_training_set(self, name: str, version: int, manifest: Json) -> None:
        """Record a version of a training set; Conflict when it is there already."""
        with self._database.writing() as connection:
            training_sets.add_training_set(connection, Manifest(name, version, manifest))

    def training_sets(self, name: str | None = None) -> list[TrainingSetVersion]:
        """Versions of one or of all training sets, by name, newest first."""
        with self._database.reading() as connection:
            return training_sets.training_sets(connection, name)

    def training_set(self, name: str, version: int | None = None) -> TrainingSetVersion:
        """A version of a training set, the newest unless said; or NotFound."""
        with self._database.reading() as connection:
            return training_sets.training_set(connection, name, version)

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
