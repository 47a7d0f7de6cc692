"""Pieces of a file: what is read of it at a time, and where reading can go on after each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from asof.errors import DataError
from asof.features.source import Source
from asof.ingest.files.opened import Opened
from asof.ingest.records.parsed import Parsed


@dataclass(frozen=True)
class Position:
    """How far a file was read: `offset` in bytes once unpacked, or in groups of rows as the format has them.

    `line` is the number of lines, or rows, before it. `digest` is that of the bytes up to `offset`, or of
    all the file where it is not read from front to back.
    """

    offset: int = 0
    line: int = 0
    digest: str = ""

    def check(self, digest: str) -> None:
        """DataError where what was read up to here is no longer there."""
        if self.offset and digest != self.digest:
            raise rewritten()


@dataclass(frozen=True)
class Piece:
    """Some records: `parse` makes rows of them, on any thread; reading goes on at `end`."""

    parse: Callable[[], Parsed]
    end: Position


Pieces = Callable[[Opened, Source, int, Position], Iterator[Piece]]
"""What a format does: the pieces of a file after a position, each of about as many bytes as given.

There is at least one, unless the position is not at the start. DataError where the file is no use.
"""


def rewritten() -> DataError:
    """The error for a file that is not what it was."""
    return DataError(
        "was rewritten after it was read; "
        "put the old file back and the changed rows into a file with a new name"
    )
