"""What a row must meet, as expressions: the meaning of each row-wise kind of expectation."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from itertools import combinations
from operator import and_, or_
from typing import Any

from asof.errors import DefinitionError, choices
from asof.features.expectations import Expectation
from asof.features.expressions import Call, Expr, Literal, Scalar, Sql, col, expression
from asof.transforms.expressions import to_sql

NOTHING = Literal(False)
_MATCH_ON = ("any", "all")


@dataclass(frozen=True)
class Condition:
    """`missing` says which rows are not judged for want of values; the others meet it where `met` is true."""

    met: Expr
    missing: Expr

    @property
    def unexpected(self) -> str:
        """Whether a row breaks it, in SQL: never null."""
        return f"(NOT {to_sql(self.missing)} AND NOT coalesce({to_sql(self.met)}, FALSE))"


def condition(given: Expectation) -> Condition:
    """The condition of a row-wise expectation; DefinitionError where an argument has no meaning."""
    arguments = given.arguments
    if "column_A" in arguments:
        return Condition(
            _of_pair(given.kind, arguments), _missing(given, _PAIR_MISSING, "both_values_are_missing")
        )
    if "column_list" in arguments:
        return Condition(_of_several(given), _missing(given, ALL_OR_ANY, "all_values_are_missing"))
    column = col(given.columns[0])
    if given.kind == "expect_column_values_to_not_be_null":
        return Condition(~column.is_null(), NOTHING)
    if given.kind == "expect_column_values_to_be_null":
        return Condition(column.is_null(), NOTHING)
    return Condition(_EACH[given.kind](column, arguments), column.is_null())


def _in_set(column: Expr, given: Mapping[str, Any]) -> Expr:
    return column.is_in(given["value_set"])


def _not_in_set(column: Expr, given: Mapping[str, Any]) -> Expr:
    return ~column.is_in([value for value in given["value_set"] if value is not None])


def _between(column: Expr, given: Mapping[str, Any]) -> Expr:
    bounds = []
    if given.get("min_value") is not None:
        low = expression(given["min_value"])
        bounds.append(column > low if given.get("strict_min") else column >= low)
    if given.get("max_value") is not None:
        high = expression(given["max_value"])
        bounds.append(column < high if given.get("strict_max") else column <= high)
    return reduce(and_, bounds)


def _regex(column: Expr, given: Mapping[str, Any]) -> Expr:
    return _matches(column, given["regex"])


def _not_regex(column: Expr, given: Mapping[str, Any]) -> Expr:
    return ~_matches(column, given["regex"])


def _regex_list(column: Expr, given: Mapping[str, Any]) -> Expr:
    match_on = given.get("match_on", "any")
    if match_on not in _MATCH_ON:
        raise DefinitionError(f"match_on={match_on!r} is unknown; {choices(str(match_on), _MATCH_ON)}")
    return reduce(or_ if match_on == "any" else and_, _matching(column, given))


def _not_regex_list(column: Expr, given: Mapping[str, Any]) -> Expr:
    return ~reduce(or_, _matching(column, given))


def _matching(column: Expr, given: Mapping[str, Any]) -> Iterable[Expr]:
    if not given["regex_list"]:
        raise DefinitionError("regex_list is empty; give one regular expression or several")
    return [_matches(column, regex) for regex in given["regex_list"]]


def _matches(column: Expr, regex: str) -> Expr:
    return Call("matches", (column, Literal(regex)))


def _like(column: Expr, given: Mapping[str, Any]) -> Expr:
    return Sql(f"{to_sql(column)} LIKE {to_sql(Literal(given['like_pattern']))}")


def _not_like(column: Expr, given: Mapping[str, Any]) -> Expr:
    return ~_like(column, given)


def _lengths_between(column: Expr, given: Mapping[str, Any]) -> Expr:
    return _between(_length(column), given)


def _length_equal(column: Expr, given: Mapping[str, Any]) -> Expr:
    return _length(column) == given["value"]


def _length(column: Expr) -> Expr:
    return Sql(f"length({to_sql(column)})")


_EACH: Mapping[str, Callable[[Expr, Mapping[str, Any]], Expr]] = {
    "expect_column_values_to_be_in_set": _in_set,
    "expect_column_values_to_not_be_in_set": _not_in_set,
    "expect_column_values_to_be_between": _between,
    "expect_column_values_to_match_regex": _regex,
    "expect_column_values_to_not_match_regex": _not_regex,
    "expect_column_values_to_match_regex_list": _regex_list,
    "expect_column_values_to_not_match_regex_list": _not_regex_list,
    "expect_column_values_to_match_like_pattern": _like,
    "expect_column_values_to_not_match_like_pattern": _not_like,
    "expect_column_value_lengths_to_be_between": _lengths_between,
    "expect_column_value_lengths_to_equal": _length_equal,
}


def _of_pair(kind: str, given: Mapping[str, Any]) -> Expr:
    one, other = col(given["column_A"]), col(given["column_B"])
    match kind:
        case "expect_column_pair_values_to_be_equal":
            return one == other
        case "expect_column_pair_values_a_to_be_greater_than_b":
            return one >= other if given.get("or_equal") else one > other
    pairs = [_is(one, a) & _is(other, b) for a, b in given["value_pairs_set"]]
    return reduce(or_, pairs) if pairs else NOTHING


def _of_several(given: Expectation) -> Expr:
    columns = [col(name) for name in given.columns]
    match given.kind:
        case "expect_multicolumn_sum_to_equal":
            total: Scalar = given.arguments["sum_total"]  # type: ignore[assignment]
            return reduce(lambda one, other: one + other, columns) == total  # type: ignore[arg-type, return-value]
        case "expect_multicolumn_values_to_be_equal":
            first, *others = columns
            return reduce(and_, [_same(first, other) for other in others], Literal(True))
    return reduce(and_, [~_same(one, other) for one, other in combinations(columns, 2)], Literal(True))


def _is(column: Expr, value: Scalar) -> Expr:
    return column.is_null() if value is None else ~column.is_null() & (column == value)


def _same(one: Expr, other: Expr) -> Expr:
    """Whether two values are equal or both null; never null itself."""
    return Sql(f"{to_sql(one)} IS NOT DISTINCT FROM {to_sql(other)}")


_PAIR_MISSING = {"both_values_are_missing": and_, "either_value_is_missing": or_, "neither": None}
ALL_OR_ANY = {"all_values_are_missing": and_, "any_value_is_missing": or_, "never": None}


def _missing(given: Expectation, allowed: Mapping[str, Any], otherwise: str) -> Expr:
    ignore = given.arguments.get("ignore_row_if", otherwise)
    if ignore not in allowed:
        raise DefinitionError(
            f"{given.kind}: ignore_row_if={ignore!r} is unknown; {choices(str(ignore), allowed)}"
        )
    combine = allowed[str(ignore)]
    return NOTHING if combine is None else reduce(combine, [col(name).is_null() for name in given.columns])
