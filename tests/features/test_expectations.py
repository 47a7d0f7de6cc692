"""Expectations as they are written: what is checked, and what suites of Great Expectations become."""

from __future__ import annotations

import importlib.util
import json
import warnings
from collections.abc import Callable
from datetime import date
from decimal import Decimal as Exact
from pathlib import Path

import pytest

import asof
from asof import (
    Bool,
    Decimal,
    DefinitionError,
    Files,
    Float64,
    Int64,
    List,
    Source,
    String,
    Timestamp,
    between,
    expect,
    fresh,
    from_suite,
    greater,
    growth,
    not_null,
    one_of,
    references,
    row_count,
    stable,
    unique,
    volume,
)
from asof.features.describe import definition_hash, describe
from asof.features.expectations import Expectation
from asof.features.graph import Definitions

products = Source("products", reader=Files("p.csv"), schema={"sku": String}, known_since="2024-01-01")
SCHEMA = {"id": Int64, "sku": String, "amount": Decimal(8, 2), "x": Float64, "gone": Bool, "at": Timestamp}


def orders(*rules: Expectation, name: str = "orders") -> Source:
    return Source(name, reader=Files("o.csv"), schema=SCHEMA, event_time="at", expect=rules)


def test_short_names_stand_for_those_of_great_expectations() -> None:
    assert not_null("id") == expect("expect_column_values_to_not_be_null", column="id")
    assert between("x", 1, 2, mostly=0.5) == expect(
        "expect_column_values_to_be_between", column="x", min_value=1, max_value=2, mostly=0.5
    )
    assert unique("id", "sku") == expect("expect_compound_columns_to_be_unique", column_list=["id", "sku"])
    assert row_count(low=1) == expect("expect_table_row_count_to_be_between", min_value=1)


def test_expectations_are_values() -> None:
    one, other = between("x", 1), between("x", 1.0)
    assert one == between("x", 1)
    assert hash(one) == hash(between("x", 1))
    assert one != other
    assert definition_hash(orders(one)) != definition_hash(orders(other))
    assert one_of("sku", {"b", "a"}) == one_of("sku", ["a", "b"])


def test_arguments_are_described_as_json() -> None:
    rule = expect(
        "expect_column_quantile_values_to_be_between",
        column="amount",
        quantile_ranges={"quantiles": [0.5], "value_ranges": [[None, Exact("1.50")]]},
    )
    described = json.loads(json.dumps(describe(orders(rule, between("at", date(2024, 1, 1))))))
    assert described["expect"][0]["arguments"]["quantile_ranges"] == {
        "quantiles": [0.5],
        "value_ranges": [[None, {"Decimal": "1.50"}]],
    }


WRONG: dict[str, tuple[Callable[[], object], list[str]]] = {
    "unknown kind": (
        lambda: expect("expect_column_value_to_be_null", column="x"),
        ["is not an expectation", "did you mean 'expect_column_values_to_be_null'?"],
    ),
    "unknown argument": (
        lambda: expect("expect_column_values_to_be_null", column="x", mostyl=1),
        ["takes no 'mostyl'", "did you mean 'mostly'?"],
    ),
    "missing argument": (
        lambda: expect("expect_column_values_to_match_regex", column="sku"),
        ["needs regex; it takes column, regex, mostly"],
    ),
    "no bounds": (
        lambda: expect("expect_column_mean_to_be_between", column="x"),
        ["needs a min_value or a max_value"],
    ),
    "bounds the wrong way round": (
        lambda: between("x", 2, 1),
        ["min_value 2 is greater than max_value 1"],
    ),
    "share": (lambda: not_null("x", mostly=1.5), ["mostly=1.5 must be a share from 0 to 1"]),
    "a table in quarantine": (
        lambda: row_count(low=1, on_fail="quarantine"),
        ["of the table: on_fail='quarantine' is for what single rows break", "'fail' or 'warn'"],
    ),
    "uniqueness in quarantine": (
        lambda: unique("id", on_fail="quarantine"),
        ["of 'id': on_fail='quarantine' is for what single rows break"],
    ),
    "a share in quarantine": (
        lambda: not_null("id", mostly=0.9, on_fail="quarantine"),
        ["mostly= goes with on_fail='fail' or 'warn'"],
    ),
    "columns that are no list": (
        lambda: expect("expect_compound_columns_to_be_unique", column_list="id"),
        ["column_list must be a list of columns, got 'id'"],
    ),
    "a value that is none": (
        lambda: expect("expect_column_values_to_be_in_set", column="x", value_set=[object()]),
        ["can't be an expectation's argument"],
    ),
    "text for a number": (
        lambda: orders(expect("expect_column_mean_to_be_between", column="sku", min_value=1)),
        ["expect_column_mean_to_be_between is for numbers; 'sku' is String"],
    ),
    "a pair with an unknown column": (
        lambda: orders(greater("x", "ammount")),
        ["expected column 'ammount' is not a column", "did you mean 'amount'?"],
    ),
    "no columns": (lambda: unique(), ["unique needs a column or several"]),
    "a reference to an unknown column": (
        lambda: orders(references("sku", products, to="suk")),
        ["Source 'products': column 'suk' is not a column", "did you mean 'sku'?"],
    ),
    "a reference to another type": (
        lambda: orders(references("id", products, to="sku")),
        ["'id' is Int64, 'sku' of source 'products' is String", "one type"],
    ),
    "stable without a limit": (lambda: stable("x"), ["stable('x') needs psi or ks"]),
    "a limit of nothing": (lambda: stable("x", psi=0), ["psi=0 must be greater than 0"]),
    "no versions": (lambda: volume(low=1, versions=0), ["versions=0 must be 1 or more"]),
    "growth without bounds": (lambda: growth(), ["needs a min_value or a max_value"]),
    "freshness that is no time": (lambda: fresh("soon"), ["fresh within 'soon' is not a length of time"]),
    "fresh against what": (
        lambda: fresh("1d", against="lst"),
        ["against='lst' is unknown", "did you mean 'last'?"],
    ),
    "a suite that is none": (lambda: from_suite(5), ["5 is not a suite of Great Expectations 1.x"]),
    "an old suite": (
        lambda: from_suite({"expectations": [{"expectation_type": "expect_x", "kwargs": {}}]}),
        ["is not an expectation of Great Expectations 1.x: it has a type and kwargs"],
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_the_message_says_what_is_wrong_and_what_is_allowed(case: str) -> None:
    make, fragments = WRONG[case]
    with pytest.raises(DefinitionError) as error:
        make()
    message = str(error.value)
    assert [fragment for fragment in fragments if fragment not in message] == [], message
    assert len(message.splitlines()) <= 2


def test_a_source_that_is_referred_to_belongs_to_the_project_and_comes_first() -> None:
    definitions = Definitions([orders(references("sku", products), name="a_source")])
    assert set(definitions.sources) == {"a_source", "products"}
    order = [node.name for node in definitions.tables]
    assert order.index("clean/products") < order.index("clean/a_source")


def test_another_source_does_not_change_what_rows_are_made_by() -> None:
    changed = Source("products", reader=Files("q.csv"), schema={"sku": String}, known_since="2024-01-01")
    one, other = (orders(references("sku", source)) for source in (products, changed))
    assert definition_hash(one) == definition_hash(other)


SUITE = {
    "name": "orders",
    "expectations": [
        {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "id", "batch_id": "b"}},
        {
            "type": "expect_column_max_to_be_between",
            "kwargs": {"column": "x", "max_value": 5},
            "severity": "info",
        },
        {
            "type": "expect_column_values_to_be_in_set",
            "kwargs": {"column": "sku", "value_set": ["a"], "mostly": None},
            "severity": "critical",
            "meta": {"on_fail": "quarantine"},
        },
    ],
}
RULES = [
    not_null("id"),
    expect("expect_column_max_to_be_between", column="x", max_value=5, on_fail="warn"),
    one_of("sku", ["a"], on_fail="quarantine"),
]


def test_a_suite_of_json_needs_no_great_expectations(tmp_path: Path) -> None:
    file = tmp_path / "suite.json"
    file.write_text(json.dumps(SUITE))
    assert from_suite(SUITE) == from_suite(file) == from_suite(str(file)) == RULES
    assert {rule.on_fail for rule in from_suite(SUITE, on_fail="warn")} == {"warn"}


@pytest.mark.slow
def test_a_suite_of_objects(require: Callable[[str, object], None]) -> None:
    require("great_expectations", importlib.util.find_spec("great_expectations"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import great_expectations
        from great_expectations import expectations

        rules = [
            expectations.ExpectColumnValuesToNotBeNull(column="id", mostly=0.9, severity="warning"),
            expectations.ExpectColumnValuesToBeIncreasing(column="x"),
        ]
        suite = great_expectations.ExpectationSuite("orders", expectations=rules)
        assert from_suite(suite) == from_suite(rules) == [*from_suite(rules[0]), *from_suite(rules[1])]
        first, second = from_suite(suite)
    assert first == not_null("id", mostly=0.9, on_fail="warn")
    assert (second.compiled, second.kind) == (False, "expect_column_values_to_be_increasing")
    assert asof.expect(second.kind, column="x") == second


def test_lists_are_nothing_to_expect_of() -> None:
    with pytest.raises(DefinitionError, match="single values"):
        not_null("tags").check(
            "Source 'x'",
            Source(
                "x", reader=Files("x.csv"), schema={"tags": List(String)}, known_since="2024-01-01"
            ).columns,
        )
