"""Which versions nobody needs any more, and the mark on those whose files are let go of."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import NamedTuple

import sqlalchemy as sa

from asof.errors import Conflict
from asof.storage.catalogue.schema import HEADS, SNAPSHOTS, TRAINING_SETS, VERSIONS
from asof.storage.catalogue.training_sets import table_of

VERIFIED = ("views", "labels", "cutoffs")
"""The kinds of tables that a training set is built again from."""
STORED_ELSEWHERE = "online/"
_FREEING = 0x61736F68  # an advisory lock of PostgreSQL: "asoh", next to those for making tables and runs


class Numbered(NamedTuple):
    """A version of a table, by its number."""

    table: str
    version: int


def unneeded(connection: sa.Connection, since: datetime, kept: Collection[str]) -> list[Numbered]:
    """The versions that did not count at `since` or later, and that nothing else names.

    What names a version is a snapshot, a training set that is built from it or is it, and what is online.
    All versions of the tables `kept` are needed.
    """
    superseded = _superseded(since)
    old = [Numbered(row.table, row.version) for row in connection.execute(superseded)]
    needed = {*_named(connection)}
    return [each for each in old if each not in needed and each.table not in kept]


def free(
    connection: sa.Connection, chosen: Iterable[Numbered], since: datetime, kept: Collection[str]
) -> list[Numbered]:
    """Mark those of the chosen versions that are still not needed as freed now."""
    one_at_a_time(connection)
    now, still = datetime.now(UTC), {*unneeded(connection, since, kept)}
    freed = [each for each in chosen if each in still]
    this = (VERSIONS.c.table == sa.bindparam("of")) & (VERSIONS.c.version == sa.bindparam("number"))
    if freed:
        marks = [{"of": table, "number": version} for table, version in freed]
        connection.execute(VERSIONS.update().where(this).values(freed_at=now), marks)
    return freed


def readable(connection: sa.Connection) -> dict[str, set[int]]:
    """The versions of every table that are not freed."""
    found: dict[str, set[int]] = {}
    for table, version in connection.execute(_NUMBERS.where(VERSIONS.c.freed_at.is_(None))):
        found.setdefault(table, set()).add(version)
    return found


def check_kept(connection: sa.Connection, inputs: Mapping[str, int]) -> None:
    """Conflict where one of these versions has been freed."""
    one_at_a_time(connection)
    for table, version in inputs.items():
        this = (VERSIONS.c.table == table) & (VERSIONS.c.version == version)
        if is_verified(table) and connection.execute(sa.select(VERSIONS.c.freed_at).where(this)).scalar():
            raise Conflict(f"version {version} of {table!r} was freed by asof gc meanwhile; build again")


def is_verified(table: str) -> bool:
    """Whether the table is one that training sets are built again from, of whatever environment.

    >>> is_verified("views/spend"), is_verified("env/alice/labels/churned"), is_verified("raw/orders")
    (True, True, False)
    """
    return table.split("/")[-2:-1] in [[kind] for kind in VERIFIED]


def one_at_a_time(connection: sa.Connection) -> None:
    """Let nobody else free or name versions before this transaction ends; SQLite lets nobody anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_FREEING)))


_NUMBERS = sa.select(VERSIONS.c.table, VERSIONS.c.version)


def _superseded(since: datetime) -> sa.Select[tuple[str, int]]:
    """The versions that are not freed, and that another took the place of before `since`."""
    time = VERSIONS.c.committed_at
    until = sa.func.lead(time, type_=time.type).over(
        partition_by=VERSIONS.c.table, order_by=VERSIONS.c.version
    )
    stored = ~VERSIONS.c.table.startswith(STORED_ELSEWHERE)
    every = _NUMBERS.add_columns(VERSIONS.c.freed_at, until.label("until")).where(stored).subquery()
    old = sa.select(every.c.table, every.c.version).where(every.c.freed_at.is_(None), every.c.until < since)
    return old.order_by(every.c.table, every.c.version)


def _named(connection: sa.Connection) -> Iterator[Numbered]:
    for row in connection.execute(sa.select(HEADS.c.table, HEADS.c.version)):
        yield Numbered(*row)
    for versions in connection.execute(sa.select(SNAPSHOTS.c.versions)).scalars():
        yield from map(Numbered._make, versions.items())
    for name, version, manifest in connection.execute(
        sa.select(TRAINING_SETS.c.name, TRAINING_SETS.c.version, TRAINING_SETS.c.manifest)
    ):
        yield Numbered(table_of(name), version)
        inputs = manifest.get("inputs", {}).items()
        yield from (Numbered(*each) for each in inputs if is_verified(each[0]))
    for inputs in connection.execute(_ONLINE).scalars():
        yield from map(Numbered._make, inputs.items())


_ONLINE = (
    sa.select(VERSIONS.c.inputs)
    .join(HEADS, (HEADS.c.table == VERSIONS.c.table) & (HEADS.c.version == VERSIONS.c.version))
    .where(HEADS.c.table.startswith(STORED_ELSEWHERE))
)
