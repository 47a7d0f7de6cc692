"""The cursor over files: which were read, and how far the one in between."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from asof.ingest.batch import Cursor
from asof.ingest.files.listing import Found
from asof.ingest.files.pieces import Position

Read = tuple[int, str, str]
"""Of a file that was read: its size, its mark, and the digest of its bytes once unpacked."""


@dataclass(frozen=True)
class Progress:
    """The files that were read, and of `within`, when there is one, what was read before `position`."""

    files: Mapping[str, Read] = field(default_factory=dict)
    within: str | None = None
    position: Position = field(default_factory=Position)

    @classmethod
    def of(cls, cursor: Mapping[str, Any] | None) -> Progress:
        """What a cursor says."""
        given = cursor or {}
        files = {name: (size, mark, digest) for name, (size, mark, digest) in given.get("files", {}).items()}
        if "within" not in given:
            return cls(files)
        name, offset, line, digest = given["within"]
        return cls(files, name, Position(offset, line, digest))

    @property
    def cursor(self) -> Cursor:
        """As JSON."""
        cursor: Cursor = {"files": {name: list(read) for name, read in self.files.items()}}
        if self.within is not None:
            position = self.position
            cursor["within"] = [self.within, position.offset, position.line, position.digest]
        return cursor

    def at(self, file: Found, position: Position) -> Progress:
        """With a file read up to a position."""
        return replace(self, within=file.name, position=position)

    def past(self, file: Found, digest: str) -> Progress:
        """With a file read to its end."""
        return Progress({**self.files, file.name: (file.size, file.mark, digest)})

    def start_of(self, file: Found) -> Position:
        """Where reading of a file starts."""
        return self.position if file.name == self.within else Position()
