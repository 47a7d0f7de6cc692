"""Runs and their steps in the catalogue."""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Collection
from dataclasses import asdict
from datetime import UTC, datetime

import sqlalchemy as sa

from asof.errors import Conflict, NotFound
from asof.storage.catalogue.heartbeat import is_alive
from asof.storage.catalogue.records import Run, RunStatus, Step
from asof.storage.catalogue.schema import RUNS, STEPS

_NEWEST = sa.select(RUNS).order_by(RUNS.c.started_at.desc(), RUNS.c.id.desc())
_STARTING = 0x61736F67  # an advisory lock of PostgreSQL: "asog", next to the one for making tables


class AtWork(Conflict):
    """Another run is at work beside which this one must not start; `whose` says in words which."""

    def __init__(self, run: Run) -> None:
        self.run, self.whose = run, _whose(run)
        super().__init__(f"{self.whose}; run again when it has ended, or with --wait")


def start(
    connection: sa.Connection,
    who: str,
    engine: str,
    code_revision: str,
    *,
    alone: bool,
    environment: str = "",
) -> Run:
    """Record a run that starts now, and as lost those that no longer are.

    AtWork where it is to be alone and another such run of its environment is at work.
    """
    _one_at_a_time(connection)
    for other in _running(connection):
        if not is_alive(other):
            finish(connection, other.id, "lost", "ended without a word, as when its process is killed")
        elif alone and other.alone and other.environment == environment:
            raise AtWork(other)
    now = datetime.now(UTC)
    run = Run(
        id=f"{now:%Y%m%d-%H%M%S}-{secrets.token_hex(3)}",
        started_at=now,
        who=who,
        engine=engine,
        code_revision=code_revision,
        host=socket.gethostname(),
        process=os.getpid(),
        seen_at=now,
        alone=alone,
        environment=environment,
    )
    connection.execute(RUNS.insert().values(asdict(run)))
    return run


def see(connection: sa.Connection, id: str) -> None:
    """Record that a run is still at work."""
    connection.execute(RUNS.update().where(RUNS.c.id == id).values(seen_at=datetime.now(UTC)))


def at_work(connection: sa.Connection) -> list[Run]:
    """The runs that are at work, oldest first."""
    return [run for run in _running(connection) if is_alive(run)]


def _one_at_a_time(connection: sa.Connection) -> None:
    """Let nobody else start a run before this transaction ends; SQLite lets nobody anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_STARTING)))


def _running(connection: sa.Connection) -> list[Run]:
    running = sa.select(RUNS).where(RUNS.c.status == "running").order_by(RUNS.c.started_at)
    return [Run(**row._mapping) for row in connection.execute(running)]


def _whose(run: Run) -> str:
    return (
        f"run {run.id}{f' of {run.who}' if run.who else ''} is at work since {run.started_at.isoformat()}"
        f" (process {run.process} on {run.host})"
    )


def finish(connection: sa.Connection, id: str, status: RunStatus, error: str | None) -> Run:
    """Record how a run ended, now; NotFound for an unknown one."""
    end = {"finished_at": datetime.now(UTC), "status": status, "error": error}
    connection.execute(RUNS.update().where(RUNS.c.id == id).values(end))
    return run(connection, id)


def run(connection: sa.Connection, id: str) -> Run:
    """A run by its id, or NotFound."""
    row = connection.execute(sa.select(RUNS).where(RUNS.c.id == id)).one_or_none()
    if row is None:
        raise NotFound(f"no run {id!r}; see them with: asof runs")
    return Run(**row._mapping)


def run_ending(connection: sa.Connection, end: str) -> Run:
    """The newest run whose id ends so, or NotFound."""
    alike = RUNS.c.id.endswith(end, autoescape=True)
    row = connection.execute(_NEWEST.where(alike).limit(1)).one_or_none()
    return run(connection, end) if row is None else Run(**row._mapping)


def latest(connection: sa.Connection, limit: int) -> list[Run]:
    """The newest runs, newest first."""
    return [Run(**row._mapping) for row in connection.execute(_NEWEST.limit(limit))]


def record(connection: sa.Connection, step: Step) -> None:
    """Keep the step; one of the same run and name is replaced."""
    same = (STEPS.c.run == step.run) & (STEPS.c.name == step.name)
    connection.execute(STEPS.delete().where(same))
    connection.execute(STEPS.insert().values(asdict(step)))


def steps_of(connection: sa.Connection, runs: Collection[str]) -> list[Step]:
    """The steps of runs, in no order."""
    found = sa.select(STEPS).where(STEPS.c.run.in_(runs))
    return [Step(**row._mapping) for row in connection.execute(found)]


def steps(connection: sa.Connection, run: str) -> list[Step]:
    """The steps of a run in the order in which they started."""
    found = sa.select(STEPS).where(STEPS.c.run == run).order_by(STEPS.c.started_at, STEPS.c.name)
    return [Step(**row._mapping) for row in connection.execute(found)]
