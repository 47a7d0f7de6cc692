"""The schema that the rows of a source have, whatever is declared."""

from __future__ import annotations

import copy
from dataclasses import dataclass

from asof.features.contract import Contract
from asof.features.definition import assign
from asof.features.source import Source
from asof.features.types import Schema
from asof.ingest.connector import open_connector
from asof.ingest.place import Place
from asof.ingest.schema.contract import Known

MOST = 1_000_000
"""About how many rows are looked at: the first ones."""


@dataclass(frozen=True)
class Inferred:
    """Columns with the narrowest type that holds their values (None: all are null), of so many `rows`."""

    columns: dict[str, str | None]
    rows: int


def infer(source: Source, place: Place) -> Inferred:
    """The columns that a source brings, in their order. Errors are those of its connector."""
    known = Known()
    undeclared = _undeclared(source)
    for batch in open_connector(undeclared, place).batches(None):
        known = known.after(batch.rows, undeclared)
        if known.rows >= MOST:
            break
    return Inferred(dict(known.columns), known.rows)


def _undeclared(source: Source) -> Source:
    """The source as if none of its columns were declared, and all of them taken in."""
    undeclared = copy.copy(source)
    assign(undeclared, schema=Schema({}), contract=Contract(new_columns="evolve"))
    return undeclared
