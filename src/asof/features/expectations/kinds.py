"""The kinds of expectations: their names and parameters, which are Great Expectations' own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Takes = Literal["any", "text", "number"]


@dataclass(frozen=True)
class Kind:
    """What a kind of expectation takes, and what it is held against.

    `row_wise`: each row meets it or not, whatever the others are. `columns`: the parameters that name
    columns, which must be there and be of type `takes`. `values`: those that are held against the
    values of the column.
    """

    needs: tuple[str, ...]
    allows: tuple[str, ...] = ()
    row_wise: bool = False
    columns: tuple[str, ...] = ("column",)
    values: tuple[str, ...] = ()
    takes: Takes = "any"

    @property
    def parameters(self) -> tuple[str, ...]:
        return (*self.needs, *self.allows)


BOUNDS = ("min_value", "max_value")
_RANGE = (*BOUNDS, "strict_min", "strict_max")
_MOSTLY = ("mostly",)
_PAIR = ("column_A", "column_B")
_PAIRWISE = ("ignore_row_if", *_MOSTLY)
_LISTED = ("column_list",)


def _each(
    *needs: str, allows: tuple[str, ...] = (), values: tuple[str, ...] = (), takes: Takes = "any"
) -> Kind:
    """A kind for each value of a column."""
    return Kind(("column", *needs), (*allows, *_MOSTLY), row_wise=True, values=values, takes=takes)


def _pair(*needs: str, allows: tuple[str, ...] = ()) -> Kind:
    """A kind for each pair of values of two columns."""
    return Kind((*_PAIR, *needs), (*allows, *_PAIRWISE), row_wise=True, columns=_PAIR)


def _several(*needs: str, row_wise: bool = True, takes: Takes = "any") -> Kind:
    """A kind for the values of each row in several columns."""
    return Kind((*_LISTED, *needs), _PAIRWISE, row_wise=row_wise, columns=_LISTED, takes=takes)


def _within(*values: str, takes: Takes = "any") -> Kind:
    """A kind for one figure of a column, which lies between bounds."""
    return Kind(("column",), _RANGE, values=values, takes=takes)


def _among(*allows: str) -> Kind:
    """A kind for a column's distinct values, which are held against a set."""
    return Kind(("column", "value_set"), allows, values=("value_set",))


def _table(*needs: str, allows: tuple[str, ...] = ()) -> Kind:
    """A kind for a table as a whole."""
    return Kind(needs, allows, columns=())


COMPILED: Mapping[str, Kind] = {
    "expect_column_values_to_not_be_null": _each(),
    "expect_column_values_to_be_null": _each(),
    "expect_column_values_to_be_in_set": _each("value_set", values=("value_set",)),
    "expect_column_values_to_not_be_in_set": _each("value_set", values=("value_set",)),
    "expect_column_values_to_be_between": _each(allows=_RANGE, values=BOUNDS),
    "expect_column_values_to_match_regex": _each("regex", takes="text"),
    "expect_column_values_to_not_match_regex": _each("regex", takes="text"),
    "expect_column_values_to_match_regex_list": _each("regex_list", allows=("match_on",), takes="text"),
    "expect_column_values_to_not_match_regex_list": _each("regex_list", takes="text"),
    "expect_column_values_to_match_like_pattern": _each("like_pattern", takes="text"),
    "expect_column_values_to_not_match_like_pattern": _each("like_pattern", takes="text"),
    "expect_column_value_lengths_to_be_between": _each(allows=_RANGE, takes="text"),
    "expect_column_value_lengths_to_equal": _each("value", takes="text"),
    "expect_column_pair_values_to_be_equal": _pair(),
    "expect_column_pair_values_a_to_be_greater_than_b": _pair(allows=("or_equal",)),
    "expect_column_pair_values_to_be_in_set": _pair("value_pairs_set"),
    "expect_multicolumn_sum_to_equal": _several("sum_total", takes="number"),
    "expect_multicolumn_values_to_be_equal": _several(),
    "expect_select_column_values_to_be_unique_within_record": _several(),
    "expect_column_values_to_be_unique": Kind(("column",), _MOSTLY),
    "expect_compound_columns_to_be_unique": _several(row_wise=False),
    "expect_column_min_to_be_between": _within(*BOUNDS),
    "expect_column_max_to_be_between": _within(*BOUNDS),
    "expect_column_mean_to_be_between": _within(takes="number"),
    "expect_column_median_to_be_between": _within(takes="number"),
    "expect_column_sum_to_be_between": _within(takes="number"),
    "expect_column_stdev_to_be_between": _within(takes="number"),
    "expect_column_quantile_values_to_be_between": Kind(("column", "quantile_ranges"), takes="number"),
    "expect_column_unique_value_count_to_be_between": _within(),
    "expect_column_proportion_of_unique_values_to_be_between": _within(),
    "expect_column_proportion_of_non_null_values_to_be_between": _within(),
    "expect_column_distinct_values_to_be_in_set": _among(),
    "expect_column_distinct_values_to_equal_set": _among(),
    "expect_column_distinct_values_to_contain_set": _among(),
    "expect_column_most_common_value_to_be_in_set": _among("ties_okay"),
    "expect_table_row_count_to_be_between": _table(allows=_RANGE),
    "expect_table_row_count_to_equal": _table("value"),
    "expect_table_column_count_to_be_between": _table(allows=BOUNDS),
    "expect_table_column_count_to_equal": _table("value"),
    "expect_table_columns_to_match_set": _table("column_set", allows=("exact_match",)),
    "expect_table_columns_to_match_ordered_list": _table("column_list"),
    "expect_column_to_exist": _table("column", allows=("column_index",)),
    "expect_column_values_to_be_in_source": Kind(("column", "source", "source_column"), _MOSTLY),
    "expect_column_distribution_to_be_stable": Kind(("column",), ("psi", "ks")),
    "expect_table_row_count_growth_to_be_between": _table(allows=_RANGE),
    "expect_table_new_row_count_ratio_to_be_between": _table("versions", allows=_RANGE),
    "expect_table_event_times_to_be_fresh": _table("within", "against"),
}
"""What is held against rows by Asof itself. The last five are its own, the rest Great Expectations'."""

FOREIGN = (
    "expect_column_bootstrapped_ks_test_p_value_to_be_greater_than",
    "expect_column_chisquare_test_p_value_to_be_greater_than",
    "expect_column_kl_divergence_to_be_less_than",
    "expect_column_pair_cramers_phi_value_to_be_less_than",
    "expect_column_parameterized_distribution_ks_test_p_value_to_be_greater_than",
    "expect_column_type_to_be",
    "expect_column_value_z_scores_to_be_less_than",
    "expect_column_values_to_be_dateutil_parseable",
    "expect_column_values_to_be_decreasing",
    "expect_column_values_to_be_in_type_list",
    "expect_column_values_to_be_increasing",
    "expect_column_values_to_be_json_parseable",
    "expect_column_values_to_be_of_type",
    "expect_column_values_to_match_json_schema",
    "expect_column_values_to_match_like_pattern_list",
    "expect_column_values_to_match_strftime_format",
    "expect_column_values_to_not_be_outliers",
    "expect_column_values_to_not_match_like_pattern_list",
    "expect_multicolumn_values_to_be_unique",
)
"""What Great Expectations itself is called for."""

CONDITIONAL = ("row_condition", "condition_parser")
"""Parameters of every kind in Great Expectations; it is called where they are given."""
