"""Rules that the rows of a source must meet, and what happens to those that don't.

Names and meaning are those of Great Expectations: a null breaks no rule but `not_null`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from asof.errors import DefinitionError, choices
from asof.features.definition import check_type
from asof.features.expressions import Call, Expr, Literal, Scalar, col, same_fields, walk
from asof.features.types import Schema

ON_FAIL = ("fail", "quarantine", "warn")


@dataclass(frozen=True)
class Expectation:
    """A rule for each row.

    `kind` is its name in Great Expectations, `condition` is true (or null) for a row that meets it.
    `on_fail`: "fail" ends the run and publishes nothing, "quarantine" moves the row to the source's
    quarantine table, "warn" counts it in the run record.
    """

    kind: str
    column: str
    condition: Expr
    on_fail: str

    __eq__ = same_fields

    def __post_init__(self) -> None:
        if self.on_fail not in ON_FAIL:
            raise DefinitionError(
                f"{self.kind} of {self.column!r}: on_fail={self.on_fail!r} is unknown; "
                f"{choices(str(self.on_fail), ON_FAIL)}"
            )

    def check(self, owner: str, columns: Schema) -> None:
        dtype = columns.require(owner, "expected column", self.column)
        for part in walk(self.condition):
            if isinstance(part, Literal) and not dtype.takes(part.value):
                raise DefinitionError(
                    f"{owner}: expected {self.condition!r} can't be held against "
                    f"{part.value!r}: {self.column!r} is {dtype!r}"
                )


def not_null(column: str, on_fail: str = "fail") -> Expectation:
    """Expect a value in every row."""
    check_type("not_null", "column", column, str)
    return Expectation("expect_column_values_to_not_be_null", column, ~col(column).is_null(), on_fail)


def between(column: str, low: Scalar = None, high: Scalar = None, on_fail: str = "fail") -> Expectation:
    """Expect values from `low` to `high`, both included; None leaves that side open."""
    check_type("between", "column", column, str)
    bounds = [
        bound
        for bound, given in ((col(column) >= low, low), (col(column) <= high, high))
        if given is not None
    ]
    if not bounds:
        raise DefinitionError(f"between({column!r}) needs a low or a high bound")
    condition = bounds[0] if len(bounds) == 1 else bounds[0] & bounds[1]
    return Expectation("expect_column_values_to_be_between", column, condition, on_fail)


def one_of(column: str, values: Iterable[Scalar], on_fail: str = "fail") -> Expectation:
    """Expect values from a set."""
    check_type("one_of", "column", column, str)
    condition = col(column).is_in(values)
    return Expectation("expect_column_values_to_be_in_set", column, condition, on_fail)


def matches(column: str, pattern: str, on_fail: str = "fail") -> Expectation:
    """Expect text in which the regular expression `pattern` is found."""
    check_type("matches", "column", column, str)
    check_type("matches", "pattern", pattern, str)
    condition = Call("matches", (col(column), Literal(pattern)))
    return Expectation("expect_column_values_to_match_regex", column, condition, on_fail)
