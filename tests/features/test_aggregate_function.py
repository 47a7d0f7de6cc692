"""Aggregate functions in definitions: what they give, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from asof.errors import DefinitionError
from asof.features.aggregates import AggregateFunction, Ratio, Sum, aggregate_function
from asof.features.describe import definition_hash, describe
from asof.features.entity import Entity
from asof.features.expressions import col
from asof.features.label import Label, every
from asof.features.readers import Files
from asof.features.source import Source
from asof.features.types import Float64, Int64, List, Schema, Timestamp
from asof.features.view import FeatureView, expand

CUSTOMER = Entity("customer", keys={"customer_id": Int64})
ORDERS = Source(
    "orders",
    reader=Files("orders.csv"),
    schema={"customer_id": Int64, "amount": Float64, "items": Int64, "at": Timestamp},
    event_time="at",
)


def spread(events: Any) -> Any:
    return events


def waited(events: Any, cutoff: Any) -> Any:
    return cutoff


def three(events: Any, cutoff: Any, more: Any) -> Any:
    return more


def _hidden(events: Any) -> Any:
    return events


def of(function: Callable[..., Any], **given: Any) -> AggregateFunction:
    return AggregateFunction(function, **({"inputs": ["amount"], "outputs": Float64} | given))


def view(*features: Any) -> FeatureView:
    return FeatureView("spend", entity=CUSTOMER, source=ORDERS, features=features)


def named(function: AggregateFunction) -> dict[str, Any]:
    return {feature.name: feature.dtype for feature in function.expand(ORDERS.columns)}


def test_one_value_is_called_as_the_function() -> None:
    assert named(of(spread, over=["7d", "30d"])) == {"spread_7d": Float64, "spread_30d": Float64}
    assert named(of(spread, name="range", offset="1d")) == {"range_ago_1d": Float64}


def test_several_values_are_called_after_it() -> None:
    several = of(spread, outputs={"least": "float64", "all": List(Int64)}, over="7d")
    assert named(several) == {"spread_least_7d": Float64, "spread_all_7d": List(Int64)}


def test_the_decorator_makes_the_same() -> None:
    decorate = aggregate_function(inputs=["amount"], outputs=Float64, over="7d", where=col("items") > 1)
    assert decorate(spread) == of(spread, over="7d", where=col("items") > 1)
    assert of(spread, over="7d") != of(spread, over="8d")


def test_it_reads_its_inputs_and_its_condition() -> None:
    (feature,) = expand(view(of(spread, where=col("items") > 1)), ORDERS.columns)
    assert feature.columns == {"amount", "items"}


def test_a_view_is_told_by_the_text_of_its_functions() -> None:
    described = describe(view(of(spread)))["features"]
    assert isinstance(described, list)
    assert "def spread(events" in str(described[0])
    assert definition_hash(view(of(spread))) != definition_hash(view(of(waited, name="spread")))


def test_it_may_take_the_cut_off() -> None:
    assert of(waited).takes_cutoff
    assert not of(spread).takes_cutoff


WRONG: dict[str, tuple[Callable[[], object], list[str]]] = {
    "three arguments": (
        lambda: of(three),
        ["'three' must take one or two arguments, the events and the cut-off", "takes events, cutoff, more"],
    ),
    "a lambda": (lambda: of(lambda events: 1), ["must be a function written with def"]),
    "a name that is none": (lambda: of(_hidden), ["AggregateFunction name '_hidden'", "as 'hidden'"]),
    "no inputs": (lambda: of(spread, inputs=[]), ["'spread': inputs is empty"]),
    "an input twice": (lambda: of(spread, inputs=["amount", "amount"]), ["two inputs are named 'amount'"]),
    "no outputs": (lambda: of(spread, outputs={}), ["outputs is empty"]),
    "an output that is no name": (lambda: of(spread, outputs={"Least": Float64}), ["output name 'Least'"]),
    "an unknown type": (lambda: of(spread, outputs="float46"), ["'float46' is not a column type"]),
    "no window": (lambda: of(spread, over=[]), ["over is empty"]),
    "no condition": (lambda: of(spread, where=col("amount") + 1), ["is not true or false"]),
    "an unknown input": (
        lambda: view(of(spread, inputs=["amuont"])),
        ["FeatureView 'spend': input of 'spread' 'amuont' is not a column", "did you mean 'amount'"],
    ),
    "two of a name": (
        lambda: view(of(spread), of(waited, name="spread")),
        ["two features are named 'spread'"],
    ),
    "in a ratio": (
        lambda: Ratio(of(spread), Sum("amount"), name="r"),  # type: ignore[arg-type]
        ["numerator must be of type Aggregate, got AggregateFunction"],
    ),
    "in an outcome": (
        lambda: Label(
            "l",
            entity=CUSTOMER,
            source=ORDERS,
            at=every("7d"),
            horizon="7d",
            outcome=of(spread),  # type: ignore[arg-type]
        ),
        ["outcome must be of type Expr, got AggregateFunction"],
    ),
}


@pytest.mark.parametrize(("make", "words"), WRONG.values(), ids=WRONG)
def test_the_message_says_what_is_wrong(make: Callable[[], object], words: list[str]) -> None:
    with pytest.raises(DefinitionError) as error:
        make()
    for word in words:
        assert word in str(error.value)


def test_types_of_outputs() -> None:
    assert of(spread).types == Schema({"spread": Float64})
    assert of(spread, outputs={"a": Int64}).types == Schema({"a": Int64})
