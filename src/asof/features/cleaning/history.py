"""Steps that fill nulls from other rows: the key's previous one, or an earlier version of the table."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from asof.errors import DefinitionError
from asof.features.cleaning.step import Step
from asof.features.definition import check_each, check_type
from asof.features.types import Schema


@dataclass(frozen=True)
class FillPrevious(Step):
    """Replace nulls of `column` by its last value in an earlier row that agrees in `by`."""

    column: str
    by: tuple[str, ...]

    def after(self, owner: str, columns: Schema) -> Schema:
        columns.require(owner, "fill_previous column", self.column)
        for name in self.by:
            if columns.require(owner, "fill_previous by", name).is_float:
                raise DefinitionError(
                    f"{owner}: fill_previous by {name!r}, which is {columns[name]!r}: keys are whole "
                    "numbers, text, dates or times"
                )
        return columns


@dataclass(frozen=True)
class FillStatistic(Step):
    """Replace nulls of `column` by the "mean" or "median" of the rows that agree in `by`.

    They are the rows of the version of the clean table that counted before the run.
    """

    column: str
    statistic: str
    by: tuple[str, ...]

    @property
    def what(self) -> str:
        """The name of the step."""
        return f"fill_{self.statistic}"

    def after(self, owner: str, columns: Schema) -> Schema:
        dtype = columns.require(owner, f"{self.what} column", self.column)
        if not (dtype.is_float or dtype.is_decimal):
            raise DefinitionError(
                f"{owner}: {self.what} needs numbers with fractions, {self.column!r} is {dtype!r}; derive a "
                f"Float64 first, as derive({self.column!r}, Float64, col({self.column!r}))"
            )
        for name in self.by:
            columns.require(owner, f"{self.what} by", name)
        return columns


def fill_previous(column: str, by: Iterable[str]) -> FillPrevious:
    """Replace nulls of `column` by its last value in an earlier row that agrees in the columns `by`.

    Earlier by event time, of equals by created time and then as ingested; where the source declares
    `created`, only of rows that were known when the row itself was. A null in `by` agrees with nothing.
    A row that comes late fills those after it too, for which the clean table is built anew.
    """
    check_type("fill_previous", "column", column, str)
    keys = check_each("fill_previous", "by", by, (str,))
    if not keys:
        raise DefinitionError(
            f"fill_previous({column!r}) needs the key, as fill_previous('price', by=['sku'])"
        )
    return FillPrevious(column, _others("fill_previous", column, keys))


def fill_mean(column: str, by: Iterable[str] = ()) -> FillStatistic:
    """Replace nulls of `column` by the mean of the rows that agree in the columns `by`, as it was before.

    It is that of the version of the clean table before the one that the row came in with, so that no
    row is filled from itself or what came after it. The first rows have no version before them: they
    keep their nulls, which are counted. Without `by` it is the mean of all rows. A null in `by` agrees
    with nothing. The run record says which version was used; rows that are built anew are filled from
    the same one again.
    """
    return _statistic("mean", column, by)


def fill_median(column: str, by: Iterable[str] = ()) -> FillStatistic:
    """Replace nulls of `column` by the median of the rows that agree in `by`; otherwise as `fill_mean`."""
    return _statistic("median", column, by)


def _statistic(statistic: str, column: str, by: Iterable[str]) -> FillStatistic:
    what = f"fill_{statistic}"
    check_type(what, "column", column, str)
    return FillStatistic(column, statistic, _others(what, column, check_each(what, "by", by, (str,))))


def _others(what: str, column: str, by: tuple[str, ...]) -> tuple[str, ...]:
    if column in by:
        raise DefinitionError(f"{what}({column!r}): by={list(by)} has the column that is to be filled")
    return by
