"""Aggregates that are lists of values."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from asof.errors import DefinitionError
from asof.features.aggregates.aggregate import Over
from asof.features.aggregates.categories import Categories
from asof.features.aggregates.values import OfValues
from asof.features.aggregates.window_feature import WindowFeature
from asof.features.definition import assign, check_type, checked_arguments
from asof.features.durations import ZERO, Duration
from asof.features.expressions import Expr
from asof.features.types import DType, List, Schema


@checked_arguments
@dataclass(frozen=True, eq=False, repr=False, init=False)
class _OfMany(OfValues):
    most: int

    def __init__(
        self,
        column: str,
        most: int,
        *,
        over: Over = None,
        where: Expr | None = None,
        offset: str | timedelta | Duration = ZERO,
        by: str | None = None,
        categories: Categories | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(
            column, over=over, where=where, offset=offset, by=by, categories=categories, name=name
        )
        if check_type(type(self).__name__, "most", most, int) < 1:
            raise DefinitionError(
                f"{type(self).__name__}: most must be a whole number from 1 on, got {most!r}"
            )
        if self.is_map:
            raise DefinitionError(
                f"{type(self).__name__}: by={by!r} would be a map of lists; give the categories, as in "
                "categories=['web']"
            )
        assign(self, most=most)

    def _operands(self) -> list[str]:
        return [repr(self.column), repr(self.most)]

    @property
    def stem(self) -> str:
        return self.name or f"{self.column}_{self.function.split('_')[0]}_{self.most}"

    def result(self, column: DType | None) -> DType:
        assert column is not None
        return List(column)

    def _over(self, window: Duration | None, columns: Schema) -> WindowFeature:
        return replace(super()._over(window, columns), most=self.most)


class LastN(_OfMany):
    """The values of the last `most` events, the latest first, null of nothing. List of the column's type."""

    function = "last_n"


class TopK(_OfMany):
    """The `most` most frequent values, the most frequent first, of equals the least, null of nothing.

    List of the column's type.
    """

    function = "top_k"
