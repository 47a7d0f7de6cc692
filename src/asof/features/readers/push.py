"""Rows that are pushed as the rows of a source."""

from __future__ import annotations

from typing import ClassVar

from asof.features.definition import definition
from asof.features.readers.reader import Reader


@definition
class Push(Reader):
    """Rows that others send: `asof.push("orders", rows)`, or `POST /v1/sources/orders/rows` on the server.

    What was answered with success is kept durably in the catalogue's database until the next run
    takes it in.
    """

    rereadable: ClassVar[bool] = False

    def __init__(self) -> None: ...

    @property
    def where(self) -> str:
        return "what was pushed"
