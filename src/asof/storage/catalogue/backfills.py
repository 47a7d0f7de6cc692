"""Chunks of backfills in the catalogue, until the backfill that they are of has been committed."""

from __future__ import annotations

from dataclasses import asdict

import sqlalchemy as sa

from asof.storage.catalogue.records import Chunk
from asof.storage.catalogue.schema import CHUNKS


def keep(connection: sa.Connection, chunk: Chunk) -> None:
    """Keep a chunk; one of the same backfill and number is replaced."""
    same = (CHUNKS.c.backfill == chunk.backfill) & (CHUNKS.c.number == chunk.number)
    connection.execute(CHUNKS.delete().where(same))
    connection.execute(CHUNKS.insert().values(asdict(chunk)))


def chunks(connection: sa.Connection, table: str) -> list[Chunk]:
    """The chunks that are kept for a table, by backfill and number."""
    found = sa.select(CHUNKS).where(CHUNKS.c.table == table).order_by(CHUNKS.c.backfill, CHUNKS.c.number)
    return [Chunk(**row._mapping) for row in connection.execute(found)]


def forget(connection: sa.Connection, backfill: str) -> None:
    """Let go of the chunks of a backfill."""
    connection.execute(CHUNKS.delete().where(CHUNKS.c.backfill == backfill))
