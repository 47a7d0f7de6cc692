"""Where a connector works: what it may know of the project around it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa
import pyarrow.compute as pc

from asof.storage.catalogue.pushes import Push


class Taken(Protocol):
    """Gives columns of the rows that the source's raw table has so far, in the order of ingestion.

    With `where` only the rows for which it is true; parts of the table that it rules out are not read.
    """

    def __call__(
        self, columns: Sequence[str], where: pc.Expression | None = None
    ) -> Iterator[pa.RecordBatch]: ...


def nothing_taken(columns: Sequence[str], where: pc.Expression | None = None) -> Iterator[pa.RecordBatch]:
    """No rows: the source is read for the first time."""
    return iter(())


class Inbox(Protocol):
    """Where pushed rows wait, as in `asof.storage.catalogue.Catalogue`."""

    def pushes_waiting(self, source: str, after: int) -> list[int]: ...

    def pushed(self, source: str, number: int) -> Push: ...

    def forget_pushed(self, source: str, through: int) -> None: ...


@dataclass(frozen=True)
class Place:
    """`root` is the folder that relative paths start from; `taken` what was read before.

    `memory` is about how many bytes of rows a batch may hold. `accept_loss` lets reading go on where
    rows that were never read are gone for good, which is an error otherwise.
    """

    root: str
    taken: Taken = nothing_taken
    memory: int = 64 << 20
    inbox: Inbox | None = None
    accept_loss: bool = False
