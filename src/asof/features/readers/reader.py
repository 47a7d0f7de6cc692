"""What all readers have in common."""

from __future__ import annotations

from typing import ClassVar

from asof.features.types import Schema


class Reader:
    """Where the rows of a source come from, and how they are read there; a connector in `ingest` reads it.

    A reader is a definition: a frozen value without I/O. One of a third party is a subclass under
    `@definition`, and its connector an entry point of the group `asof.connectors` with its name.

    `nulls` are the texts that mean null. `rereadable` says whether all that was ever read can be
    read again; where it can't, what was taken in is kept when the definition changes.
    """

    nulls: tuple[str, ...] = ()
    rereadable: ClassVar[bool] = True

    @property
    def where(self) -> str:
        """The address in messages, without secrets."""
        raise NotImplementedError

    def check(self, owner: str, schema: Schema) -> None:
        """DefinitionError for `owner` where its schema lacks a column that the reader fills."""
