"""What all aggregates share: a column, windows, a condition, and how their features are named.

An aggregate ignores nulls in its column. A window `w` at the cut-off `t` covers the events with
`t - w < e <= t`; without `over`, all events up to the cut-off; `offset` shifts it back as a whole.
`by` another column makes one feature for the events of each of its given `categories`, or without these
one that is a map of the categories that there are.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from asof.errors import DefinitionError
from asof.features.aggregates.categories import (
    Categories,
    Category,
    by_category,
    check_by,
    checked_categories,
)
from asof.features.aggregates.window_feature import WindowFeature
from asof.features.definition import assign, check_each, check_name, check_type, checked_arguments
from asof.features.durations import ZERO, Duration
from asof.features.expressions import Expr, check_condition, columns_of
from asof.features.types import DType, Schema

_WINDOW = (str, timedelta, Duration)
Over = str | timedelta | Duration | Iterable[str | timedelta | Duration] | None


@checked_arguments
@dataclass(frozen=True, eq=False, repr=False, init=False)
class Aggregate(Expr):
    """An aggregate of a column over one or more windows."""

    function = "aggregate"
    column: str | None
    over: tuple[Duration | None, ...]
    where: Expr | None
    offset: Duration
    by: str | None
    categories: tuple[Category, ...]
    name: str | None

    def __init__(
        self,
        column: str | None = None,
        *,
        over: Over = None,
        where: Expr | None = None,
        offset: str | timedelta | Duration = ZERO,
        by: str | None = None,
        categories: Categories | None = None,
        name: str | None = None,
    ) -> None:
        owner = type(self).__name__
        if column is not None:
            check_type(owner, "column", column, str)
        if where is not None:
            check_condition(f"{owner} where", where)
        if name is not None:
            check_name(owner, name)
        assign(
            self,
            column=column,
            over=windows(owner, over),
            where=where,
            offset=Duration.of(offset, f"{owner} offset"),
            by=by,
            categories=checked_categories(owner, by, categories),
            name=name,
        )

    def __repr__(self) -> str:
        shown = self._operands()
        if self.over != (None,):
            shown.append(f"over={[str(window) for window in self.over]}")
        if self.where is not None:
            shown.append(f"where={self.where!r}")
        if self.offset != ZERO:
            shown.append(f"offset={str(self.offset)!r}")
        if self.by is not None:
            shown.append(f"by={self.by!r}")
        if self.categories:
            shown.append(f"categories={dict(self.categories)!r}")
        if self.name is not None:
            shown.append(f"name={self.name!r}")
        return f"{type(self).__name__}({', '.join(shown)})"

    def _operands(self) -> list[str]:
        return [repr(self.column)] if self.column else []

    @property
    def is_plain(self) -> bool:
        """Whether it is over all history and events alike, so that it is one feature."""
        return self.over == (None,) and self.offset == ZERO and self.by is None

    @property
    def stem(self) -> str:
        """The name without its window: `amount_sum`, or the name that was given."""
        return self.name or (f"{self.column}_{self.function}" if self.column else self.function) + self._by

    @property
    def is_map(self) -> bool:
        """Whether it is a map of the categories that there are."""
        return self.by is not None and not self.categories

    @property
    def _by(self) -> str:
        return f"_by_{self.by}" if self.is_map else ""

    def result(self, column: DType | None) -> DType:
        """The type of the aggregate of a column of type `column`."""
        assert column is not None
        return column

    def check(self, owner: str, columns: Schema) -> None:
        """DefinitionError for `owner` where the aggregate does not fit `columns`."""
        for name in sorted(self.reads()):
            columns.require(owner, f"in {self!r}", name)
        if self.by is not None:
            check_by(owner, columns[self.by], self.by, self.categories)

    def reads(self) -> frozenset[str]:
        """The columns that the aggregate reads."""
        where = columns_of(self.where) if self.where is not None else frozenset()
        return where | {name for name in (self.column, self.by) if name}

    def expand(self, columns: Schema) -> tuple[WindowFeature, ...]:
        """One feature for each window, and of each for each given category, over rows with `columns`."""
        return tuple(
            feature
            for window in self.over
            for feature in by_category(self._over(window, columns), self.by, self.categories, columns)
        )

    def _over(self, window: Duration | None, columns: Schema) -> WindowFeature:
        return WindowFeature(
            suffixed(self.stem, window, self.offset),
            self.function,
            self.column,
            window,
            self.offset,
            self.where,
            self.result(columns[self.column] if self.column else None),
        )


def windows(owner: str, over: Over) -> tuple[Duration | None, ...]:
    """The lengths of the windows; None is all history."""
    if over is None:
        return (None,)
    listed = [over] if isinstance(over, _WINDOW) else check_each(owner, "over", over, _WINDOW)
    if not listed:
        raise DefinitionError(
            f"{owner}: over is empty; give windows, as in over=['7d', '30d'], or leave it out for all history"
        )
    return tuple(Duration.positive(window, f"{owner} window") for window in listed)


def suffixed(stem: str, window: Duration | None, offset: Duration) -> str:
    """The name of a feature over a window."""
    name = f"{stem}_{window}" if window else stem
    return f"{name}_ago_{offset}" if offset != ZERO else name
