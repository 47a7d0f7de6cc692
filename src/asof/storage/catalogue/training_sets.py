"""The versions of training sets, each with its manifest."""

from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from asof.errors import Conflict, NotFound, choices
from asof.storage.catalogue.records import Manifest, TrainingSetVersion
from asof.storage.catalogue.schema import TRAINING_SETS

_SETS = sa.select(TRAINING_SETS).order_by(TRAINING_SETS.c.name, TRAINING_SETS.c.version.desc())


def add_training_set(connection: sa.Connection, manifest: Manifest) -> None:
    """Record a version of a training set; Conflict when it is there."""
    name, version, content = manifest
    row = {"name": name, "version": version, "manifest": content, "created_at": datetime.now(UTC)}
    try:
        with connection.begin_nested():
            connection.execute(TRAINING_SETS.insert().values(row))
    except IntegrityError as error:
        raise Conflict(f"training set {name!r} already has a version {version}") from error


def training_sets(connection: sa.Connection, name: str | None) -> list[TrainingSetVersion]:
    """Versions of one or of all training sets, by name, newest first."""
    found = _SETS if name is None else _SETS.where(TRAINING_SETS.c.name == name)
    return [TrainingSetVersion(**row._mapping) for row in connection.execute(found)]


def training_set(connection: sa.Connection, name: str, version: int | None) -> TrainingSetVersion:
    """A version of a training set, the newest unless said; or NotFound."""
    found = training_sets(connection, name)
    if not found:
        raise NotFound(f"no training set {name!r}; {choices(name, _names(connection))}")
    for one in found:
        if version in (None, one.version):
            return one
    built = ", ".join(str(one.version) for one in reversed(found))
    raise NotFound(f"no version {version} of training set {name!r}; there are {built}")


def _names(connection: sa.Connection) -> list[str]:
    return list(connection.execute(sa.select(TRAINING_SETS.c.name).distinct()).scalars())
