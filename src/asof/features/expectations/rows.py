"""Short names for what is most often expected of values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set

from asof.errors import DefinitionError
from asof.features.definition import check_type
from asof.features.expectations.arguments import Arguments
from asof.features.expectations.expectation import Expectation
from asof.features.expressions import Scalar


def not_null(column: str, *, mostly: float = 1.0, on_fail: str = "fail") -> Expectation:
    """Expect a value in every row."""
    check_type("not_null", "column", column, str)
    return _expectation("expect_column_values_to_not_be_null", on_fail, mostly, column=column)


def between(
    column: str, low: Scalar = None, high: Scalar = None, *, mostly: float = 1.0, on_fail: str = "fail"
) -> Expectation:
    """Expect values from `low` to `high`, both included; None leaves that side open."""
    check_type("between", "column", column, str)
    if low is None and high is None:
        raise DefinitionError(f"between({column!r}) needs a low or a high bound")
    bounds = {name: bound for name, bound in (("min_value", low), ("max_value", high)) if bound is not None}
    return _expectation("expect_column_values_to_be_between", on_fail, mostly, column=column, **bounds)


def one_of(
    column: str, values: Iterable[Scalar], *, mostly: float = 1.0, on_fail: str = "fail"
) -> Expectation:
    """Expect values from a set."""
    check_type("one_of", "column", column, str)
    if isinstance(values, str | bytes | Mapping) or not isinstance(values, Iterable):
        raise DefinitionError(f"one_of needs a list of values, as in ['a', 'b'], got {values!r}")
    listed = values if isinstance(values, Set) else tuple(values)
    return _expectation("expect_column_values_to_be_in_set", on_fail, mostly, column=column, value_set=listed)


def matches(column: str, pattern: str, *, mostly: float = 1.0, on_fail: str = "fail") -> Expectation:
    """Expect text in which the regular expression `pattern` is found."""
    check_type("matches", "column", column, str)
    check_type("matches", "pattern", pattern, str)
    return _expectation("expect_column_values_to_match_regex", on_fail, mostly, column=column, regex=pattern)


def greater(column: str, than: str, *, or_equal: bool = False, on_fail: str = "fail") -> Expectation:
    """Expect the value of `column` to be greater than that of the column `than` in the same row.

    A row that lacks one of the two breaks it, one that lacks both does not.
    """
    check_type("greater", "column", column, str)
    check_type("greater", "than", than, str)
    kind = "expect_column_pair_values_a_to_be_greater_than_b"
    return _expectation(kind, on_fail, column_A=column, column_B=than, or_equal=or_equal)


def unique(*columns: str, mostly: float = 1.0, on_fail: str = "fail") -> Expectation:
    """Expect no two rows to agree in a column, or in all of several columns."""
    if not columns:
        raise DefinitionError("unique needs a column or several")
    for column in columns:
        check_type("unique", "column", column, str)
    if len(columns) == 1:
        return _expectation("expect_column_values_to_be_unique", on_fail, mostly, column=columns[0])
    return _expectation("expect_compound_columns_to_be_unique", on_fail, mostly, column_list=columns)


def _expectation(kind: str, on_fail: str, mostly: float = 1.0, **arguments: object) -> Expectation:
    share = {} if mostly == 1.0 else {"mostly": mostly}
    return Expectation(kind, Arguments({**arguments, **share}), on_fail)
