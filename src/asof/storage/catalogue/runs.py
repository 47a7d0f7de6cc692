"""Runs and their steps in the catalogue."""

from __future__ import annotations

import secrets
from dataclasses import asdict
from datetime import UTC, datetime

import sqlalchemy as sa

from asof.errors import NotFound
from asof.storage.catalogue.records import Run, RunStatus, Step
from asof.storage.catalogue.schema import RUNS, STEPS


def start(connection: sa.Connection, who: str, engine: str, code_revision: str) -> Run:
    """Record a run that starts now."""
    now = datetime.now(UTC)
    name = f"{now:%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"
    run = Run(id=name, started_at=now, who=who, engine=engine, code_revision=code_revision)
    connection.execute(RUNS.insert().values(asdict(run)))
    return run


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


def latest(connection: sa.Connection, limit: int) -> list[Run]:
    """The newest runs, newest first."""
    newest = sa.select(RUNS).order_by(RUNS.c.started_at.desc(), RUNS.c.id.desc()).limit(limit)
    return [Run(**row._mapping) for row in connection.execute(newest)]


def record(connection: sa.Connection, step: Step) -> None:
    """Keep the step; one of the same run and name is replaced."""
    same = (STEPS.c.run == step.run) & (STEPS.c.name == step.name)
    connection.execute(STEPS.delete().where(same))
    connection.execute(STEPS.insert().values(asdict(step)))


def steps(connection: sa.Connection, run: str) -> list[Step]:
    """The steps of a run in the order in which they started."""
    found = sa.select(STEPS).where(STEPS.c.run == run).order_by(STEPS.c.started_at, STEPS.c.name)
    return [Step(**row._mapping) for row in connection.execute(found)]
