"""Where a connector works: what it may know of the project around it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa

Taken = Callable[[Sequence[str]], Iterator[pa.RecordBatch]]
"""Gives columns of the rows that the source's raw table has so far, in the order of ingestion."""


def nothing_taken(columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """No rows: the source is read for the first time."""
    return iter(())


@dataclass(frozen=True)
class Place:
    """`root` is the folder that relative paths start from; `taken` what was read before.

    `memory` is about how many bytes of rows a batch may hold.
    """

    root: str
    taken: Taken = nothing_taken
    memory: int = 64 << 20
