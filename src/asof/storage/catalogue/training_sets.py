"""The versions of training sets, each with its manifest."""

from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from asof.errors import Conflict, NotFound, choices
from asof.storage.catalogue.records import Manifest, TrainingSetVersion
from asof.storage.catalogue.schema import TRAINING_SETS

_SETS = sa.select(TRAINING_SETS).order_by(TRAINING_SETS.c.name, TRAINING_SETS.c.version.desc())


def table_of(training_set: str) -> str:
    """The name of the table with the rows of a training set, by the set's name in the catalogue.

    >>> table_of("churn"), table_of("alice/churn")
    ('training_sets/churn', 'env/alice/training_sets/churn')
    """
    environment, _, name = training_set.rpartition("/")
    return f"env/{environment}/training_sets/{name}" if environment else f"training_sets/{name}"


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
    wanted = _SETS.where(TRAINING_SETS.c.name == name)
    if version is not None:
        wanted = wanted.where(TRAINING_SETS.c.version == version)
    row = connection.execute(wanted.limit(1)).one_or_none()
    if row is None:
        raise NotFound(_missing(connection, name, version))
    return TrainingSetVersion(**row._mapping)


def _missing(connection: sa.Connection, name: str, version: int | None) -> str:
    numbers = sa.select(TRAINING_SETS.c.version).where(TRAINING_SETS.c.name == name)
    built = list(connection.execute(numbers.order_by(TRAINING_SETS.c.version)).scalars())
    if not built:
        return f"no training set {name!r}; {choices(name, names(connection))}"
    return f"no version {version} of training set {name!r}; there are {', '.join(map(str, built))}"


def names(connection: sa.Connection) -> list[str]:
    """The names of the training sets that have versions."""
    return list(connection.execute(sa.select(TRAINING_SETS.c.name).distinct()).scalars())
