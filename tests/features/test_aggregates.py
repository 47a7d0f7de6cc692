"""Lists, and aggregates by category: their features, and what can't be."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from asof.errors import DefinitionError
from asof.features.aggregates import Aggregate, Count, LastN, Max, Min, Ratio, Sum, TopK
from asof.features.expressions import col
from asof.features.types import (
    Decimal,
    DType,
    Float64,
    Int8,
    Int64,
    List,
    Map,
    Schema,
    String,
    TimestampNs,
    dtype,
)

COLUMNS = Schema({"amount": Float64, "channel": String, "seen": List(Int64)})
MAPS = Schema({"by_channel": Map(String, Int64)})


def test_a_list_is_a_type_with_a_name() -> None:
    assert dtype("list(decimal(10,2))") == List(dtype("decimal(10,2)"))
    assert repr(List(String)) == "List(String)"
    assert List(String).element == String


@pytest.mark.parametrize(
    ("aggregate", "name", "of"),
    [
        (LastN("amount", 3, over="7d"), "amount_last_3_7d", Float64),
        (TopK("channel", 2), "channel_top_2", String),
        (TopK("channel", 2, name="channels", offset="1d"), "channels_ago_1d", String),
    ],
)
def test_a_list_has_the_type_of_its_column(aggregate: Aggregate, name: str, of: object) -> None:
    [feature] = aggregate.expand(COLUMNS)
    assert (feature.name, feature.dtype.element) == (name, of)


def test_a_feature_for_each_window_and_category() -> None:
    large = col("amount") > 1
    web = Sum("amount", over=["1d", "7d"], by="channel", categories=["web", "shop"], where=large)
    names = [feature.name for feature in web.expand(COLUMNS)]
    assert names == ["amount_sum_1d_web", "amount_sum_1d_shop", "amount_sum_7d_web", "amount_sum_7d_shop"]
    assert repr(web.expand(COLUMNS)[0].where) == "((channel = 'web') and (amount > 1))"
    assert web.reads() == {"amount", "channel"}


def test_categories_may_be_named() -> None:
    [feature] = Count(by="channel", categories={"web": "The Web"}).expand(COLUMNS)
    assert (feature.name, repr(feature.where)) == ("count_web", "(channel = 'The Web')")
    same = Count(by="channel", categories={"web": "The Web"})
    assert hash(same) == hash(Count(by="channel", categories={"web": "The Web"}))
    assert repr(same) == "Count(by='channel', categories={'web': 'The Web'})"


def test_without_categories_it_is_a_map() -> None:
    by = Sum("amount", over=["1d", "7d"], by="channel", where=col("amount") > 1)
    assert {feature.name: feature.dtype for feature in by.expand(COLUMNS)} == {
        "amount_sum_by_channel_1d": Map(String, Float64),
        "amount_sum_by_channel_7d": Map(String, Float64),
    }
    assert by.reads() == {"amount", "channel"} == by.expand(COLUMNS)[0].columns
    assert repr(Count(by="channel")) == "Count(by='channel')"
    assert Count(by="channel", name="visits").expand(COLUMNS)[0].name == "visits"


@pytest.mark.parametrize(
    "dtype_", [Map(String, Int64), Map(Int8, Decimal(38, 2)), Map(Int64, TimestampNs), List(Decimal(5, 2))]
)
def test_a_nested_type_is_read_from_its_name(dtype_: DType) -> None:
    assert dtype(dtype_.name) == dtype_ == dtype(repr(dtype_))


WRONG: dict[str, tuple[Callable[[], object], str]] = {
    "no column": (lambda: LastN(), "LastN: missing"),
    "no values": (lambda: LastN("amount", 0), "most must be a whole number from 1 on, got 0"),
    "categories alone": (lambda: Count(categories=["web"]), "categories go with by"),
    "lists by category": (
        lambda: LastN("amount", 2, by="channel"),
        "LastN: by='channel' would be a map of lists; give the categories",
    ),
    "keys of a map that are none": (
        lambda: Count(by="amount").check("V", COLUMNS),
        "V: by='amount', which is Float64: keys of a map are text or whole numbers",
    ),
    "least map": (lambda: Max("by_channel").check("V", MAPS), "is Map(String, Int64)"),
    "map of maps": (lambda: Map(String, Map(String, Int64)), "holds single values"),
    "map by numbers": (lambda: Map(Float64, Int64), "keys are text or whole numbers"),
    "no category": (lambda: Count(by="channel", categories=[]), "categories is empty"),
    "a name that is none": (
        lambda: Count(by="channel", categories=["The Web"]),
        "as in categories={'the_web': 'The Web'}",
    ),
    "null": (lambda: Count(by="channel", categories={"none": None}), "where=col('channel').is_null()"),
    "another type": (
        lambda: Count(by="channel", categories=[1]).check("V", COLUMNS),
        "category 1 is no value of 'channel', which is String",
    ),
    "no such column": (
        lambda: Count(by="chanel", categories=["a"]).check("V", COLUMNS),
        "did you mean 'channel'",
    ),
    "least list": (lambda: Min("seen").check("V", COLUMNS), "compares values, 'seen' is List(Int64)"),
    "list of lists": (lambda: List(List(Int64)), "holds single values"),
    "ratio by category": (
        lambda: Ratio(Count(by="channel", categories=["a"]), Count(), name="r"),
        "must be a plain aggregate",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_said_at_once(case: str) -> None:
    make, message = WRONG[case]
    with pytest.raises(DefinitionError) as error:
        make()
    assert message in str(error.value)
