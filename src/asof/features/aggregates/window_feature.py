"""An aggregate over one window, as the kernels take it."""

from __future__ import annotations

from dataclasses import dataclass

from asof.features.durations import Duration
from asof.features.expressions import Expr, columns_of, same_fields
from asof.features.types import DType


@dataclass(frozen=True)
class WindowFeature:
    """One aggregate over one window, ready for a kernel.

    `window` is None for all history, `most` how many values a list has at most, `by` the column whose values
    are the keys of a map. A "ratio" has no column of its own but two `parts`.
    """

    name: str
    function: str
    column: str | None
    window: Duration | None
    offset: Duration
    where: Expr | None
    dtype: DType
    most: int | None = None
    parts: tuple[WindowFeature, ...] = ()
    by: str | None = None

    __eq__ = same_fields

    @property
    def columns(self) -> frozenset[str]:
        """The columns that its value is computed from."""
        own = {name for name in (self.column, self.by) if name}
        where = columns_of(self.where) if self.where is not None else frozenset()
        return frozenset(own | where).union(*(part.columns for part in self.parts))
