"""One aggregate divided by another."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from asof.errors import DefinitionError
from asof.features.aggregates.aggregate import Aggregate, Over, suffixed
from asof.features.aggregates.window_feature import WindowFeature
from asof.features.definition import check_type, checked_arguments
from asof.features.durations import ZERO, Duration
from asof.features.types import Float64, Schema


@checked_arguments
@dataclass(frozen=True, eq=False, repr=False, init=False)
class Ratio(Aggregate):
    """One aggregate divided by another over the same windows; null where either is null or the divisor 0.

    Float64. It has no column or filter of its own: its two aggregates may.
    """

    function = "ratio"
    numerator: Aggregate
    denominator: Aggregate

    def __init__(
        self,
        numerator: Aggregate,
        denominator: Aggregate,
        *,
        name: str,
        over: Over = None,
        offset: str | timedelta | Duration = ZERO,
    ) -> None:
        super().__init__(over=over, offset=offset, name=name)
        for field, part in {"numerator": numerator, "denominator": denominator}.items():
            check_type("Ratio", field, part, Aggregate)
            if isinstance(part, Ratio) or not part.is_plain:
                raise DefinitionError(
                    f"Ratio: {field} {part!r} must be a plain aggregate; give over and offset to Ratio, "
                    "and where in place of by"
                )
            object.__setattr__(self, field, part)

    def _operands(self) -> list[str]:
        return [repr(self.numerator), repr(self.denominator)]

    def check(self, owner: str, columns: Schema) -> None:
        for part in (self.numerator, self.denominator):
            part.check(owner, columns)
            dtype = part.result(columns[part.column] if part.column else None)
            if not dtype.is_numeric:
                raise DefinitionError(f"{owner}: {self!r} needs numbers, {part!r} is {dtype!r}")

    def reads(self) -> frozenset[str]:
        return self.numerator.reads() | self.denominator.reads()

    def _over(self, window: Duration | None, columns: Schema) -> WindowFeature:
        parts = (part.expand(columns)[0] for part in (self.numerator, self.denominator))
        return WindowFeature(
            suffixed(self.stem, window, self.offset),
            "ratio",
            None,
            window,
            self.offset,
            None,
            Float64,
            parts=tuple(replace(part, window=window, offset=self.offset) for part in parts),
        )
