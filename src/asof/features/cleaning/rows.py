"""Steps that drop rows; what they drop is counted in the run record."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import or_

from asof.errors import DefinitionError, choices
from asof.features.cleaning.step import Step, check_reads, checked_columns
from asof.features.definition import check_type
from asof.features.expressions import Expr, check_condition, col, same_fields
from asof.features.types import Schema

KEEP = ("first", "latest")


@dataclass(frozen=True)
class DropWhere(Step):
    """Drop the rows for which `condition` is true; they are counted in the run record."""

    condition: Expr

    __eq__ = same_fields

    def after(self, owner: str, columns: Schema) -> Schema:
        check_reads(owner, "drop_where", self.condition, columns)
        return columns


@dataclass(frozen=True)
class Dedupe(Step):
    """Keep one of the rows that agree in `columns`; the others are counted as dropped.

    `keep` is "first", the one that was ingested first, or "latest": the one with the greatest value of
    the column `by` (None: with the greatest event time), of equals the one that was ingested last.
    """

    columns: tuple[str, ...]
    keep: str = "first"
    by: str | None = None

    def after(self, owner: str, columns: Schema) -> Schema:
        for name in self.columns:
            columns.require(owner, "dedupe column", name)
        if self.by is not None:
            columns.require(owner, "dedupe by", self.by)
        return columns


def drop_where(condition: Expr) -> DropWhere:
    """Drop the rows for which `condition` is true (not those where it is null)."""
    return DropWhere(check_condition("drop_where", condition))


def keep_where(condition: Expr) -> DropWhere:
    """Keep the rows for which `condition` is true or null, drop those where it is false."""
    return DropWhere(~check_condition("keep_where", condition))


def drop_nulls(*columns: str) -> DropWhere:
    """Drop the rows in which one of `columns` is null."""
    names = checked_columns("drop_nulls", columns, "drop_nulls('price', 'sku')")
    return DropWhere(reduce(or_, [col(name).is_null() for name in names]))


def dedupe(*columns: str, keep: str = "first", by: str | None = None) -> Dedupe:
    """Keep one of the rows that agree in `columns`: the first ingested, or with `keep="latest"` the latest.

    The latest is the one with the greatest event time, or the greatest value of the column `by` (null is
    the least); of equals the one that was ingested last. A later row then takes the place of an earlier
    one, for which the clean table is built anew. The past is lost with it: where features must see
    what was known at the time, declare `created` and `identity` instead.
    """
    names = checked_columns("dedupe", columns, "dedupe('invoice', 'line')")
    if keep not in KEEP:
        raise DefinitionError(f"dedupe: keep={keep!r} is unknown; {choices(str(keep), KEEP)}")
    if by is not None and keep != "latest":
        raise DefinitionError(f"dedupe: by={by!r} says which row is the latest; it needs keep='latest'")
    return Dedupe(names, keep, None if by is None else check_type("dedupe", "by", by, str))
