"""The rows of a view for some entities, made anew from clean rows as they were seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pyarrow as pa

from asof.features.types import Schema
from asof.features.view import FeatureView
from asof.storage.hashing import Words
from asof.storage.tables import Table
from asof.transforms.draws import draws
from asof.transforms.leaks.seen import Seen
from asof.transforms.parts import Part
from asof.transforms.view_rows import Enriching, derive, enrich, prepare, unprepared


class Origin(Protocol):
    """Where the rows of a view come from."""

    def rows(self, seen: Seen) -> pa.Table:
        """The view's rows made from what is seen."""
        ...


@dataclass(frozen=True)
class LaidOut:
    """Rows as they are laid out: each was made of one clean row alone."""

    view: FeatureView
    laid_out: pa.Table

    def rows(self, seen: Seen) -> pa.Table:
        return seen(self.laid_out, self.view.source.name)


@dataclass(frozen=True)
class Recomputed:
    """Clean rows that go through all that the view does to them; `columns` are those it has then.

    `read` are the ones that its features are computed from, `enriching` the views that add to them.
    """

    view: FeatureView
    columns: Schema
    read: tuple[str, ...]
    clean: pa.Table
    enriching: tuple[Recomputed, ...]

    def rows(self, seen: Seen) -> pa.Table:
        source, entity = self.view.source, self.view.entity
        others = [Enriching(other.view, other.columns, other.rows(seen)) for other in self.enriching]
        computed = derive(enrich(seen(self.clean, source.name), others), self.view)
        return prepare(unprepared(computed, source, entity, self.read), source, entity, self.read).rows


@dataclass(frozen=True)
class Wanted:
    """Rows of a version of a table that agree in `columns` with some others, whose hashes are given."""

    table: Table
    version: int
    columns: tuple[str, ...]
    hashes: Words


def identified(rows: pa.Table, columns: tuple[str, ...]) -> Words:
    """A hash of the values of each row in `columns`."""
    return draws(rows, columns, "identified")


def rows_like(rows: pa.Table, columns: tuple[str, ...], hashes: Words) -> pa.Table:
    """Those of `rows` that agree in `columns` with some whose hashes are given."""
    return rows.filter(pa.array(np.isin(identified(rows, columns), hashes)))


def wanted_of_part(wanted: Wanted, part: Part) -> pa.Table:
    """The wanted rows that are in one part of the table."""
    return rows_like(part.read(wanted.table, wanted.version), wanted.columns, wanted.hashes)
