"""What changed between two projects, in lines that a person can read."""

from __future__ import annotations

import json

from asof.features.aggregates import Count, Sum
from asof.features.cleaning import fill, replace, trim
from asof.features.diff import Change, diff
from asof.features.entity import Entity
from asof.features.expectations import not_null
from asof.features.expressions import col
from asof.features.graph import Definitions
from asof.features.label import Label, every
from asof.features.readers import Files
from asof.features.service import FeatureService
from asof.features.source import Source
from asof.features.splits import ByTime
from asof.features.training_set import TrainingSet
from asof.features.types import Int64
from asof.features.view import FeatureView

CUSTOMER = Entity("customer", keys={"customer_id": Int64})
SCHEMA = {"customer_id": "int64", "country": "string", "amount": "float64", "at": "timestamp"}


def source(**given: object) -> Source:
    return Source("purchases", **({"reader": Files("x.csv"), "schema": SCHEMA, "event_time": "at"} | given))


def view(*features: object, **given: object) -> FeatureView:
    chosen = list(features) or ["amount"]
    return FeatureView("spend", **({"entity": CUSTOMER, "source": source(), "features": chosen} | given))


def label(**given: object) -> Label:
    fields = {"source": source(), "at": every("7d"), "horizon": "30d", "outcome": Count() == 0}
    return Label("churned", entity=CUSTOMER, **(fields | given))


def between(old: list[object], new: list[object]) -> tuple[Change, ...]:
    before, after = Definitions(old).described, Definitions(new).described
    return diff(json.loads(json.dumps(before)), after)


def details(old: object, new: object) -> tuple[str, ...]:
    (change,) = between([old], [new])
    assert change.action == "changed"
    return change.details


def test_the_same_definitions_differ_in_nothing() -> None:
    given = [view(Sum("amount", over="7d", where=col("country") == "FR")), label()]
    assert between(given, given) == ()
    assert between(given, [label(), *given]) == ()
    assert diff({}, {}) == ()


def test_added_and_removed_in_the_order_of_the_keys() -> None:
    model = FeatureService("model", features=[view()])
    assert between([view()], [model, label()]) == (
        Change("label/churned", "added"),
        Change("service/model", "added"),
    )
    assert between([model, label()], [view()]) == (
        Change("label/churned", "removed"),
        Change("service/model", "removed"),
    )


def test_a_change_stands_at_the_definition_that_was_changed_alone() -> None:
    changes = between(
        [TrainingSet("churn", label=label(), features=[view()])],
        [TrainingSet("churn", label=label(), features=[view("country", ttl="7d")])],
    )
    assert changes == (
        Change(
            "view/spend",
            "changed",
            ("features: - amount", "features: + country", "ttl: None -> 7d"),
        ),
    )


def test_a_list_tells_what_came_and_went() -> None:
    assert details(
        view("amount", Sum("amount", over=["7d"])), view("amount", Sum("amount", over=["7d", "30d"]))
    ) == (
        "features: - Sum('amount', over=['7d'])",
        "features: + Sum('amount', over=['7d', '30d'])",
    )
    assert details(source(), source(schema=SCHEMA | {"items": Int64})) == ("schema: + ['items', 'int64']",)


def test_a_list_in_another_order_says_so() -> None:
    steps = [trim("country"), fill("country", "?")]
    assert details(source(clean=steps), source(clean=steps[::-1])) == ("clean: other order",)


def test_one_less_of_the_same_is_a_change() -> None:
    assert details(source(clean=[trim("country")] * 2), source(clean=[trim("country")])) == (
        "clean: - Trim(column='country')",
    )


def test_steps_and_rules_are_shown_as_calls() -> None:
    new = source(clean=[replace("country", {"UK": "GB"})], expect=[not_null("country", on_fail="warn")])
    assert details(source(), new) == (
        "clean: + Replace(column='country', pairs=[['UK', 'GB']])",
        "expect: + expect_column_values_to_not_be_null(arguments=(column='country'), on_fail='warn')",
    )


def test_a_function_is_shown_by_the_line() -> None:
    def view(source: str) -> dict[str, object]:
        function = {"kind": "Function", "source": source}
        return {"features": ["Count()", {"kind": "AggregateFunction", "name": "path", "function": function}]}

    old, new = ({"view/x": view(f"def path(events):\n    {line}")} for line in ("return 1", "return 2"))
    (change,) = diff(old, new)
    assert change.details == (
        "features.path.function.source: -     return 1",
        "features.path.function.source: +     return 2",
    )


def test_single_values_are_shown_before_and_after() -> None:
    assert details(label(), label(horizon="60d", outcome=Count() > 1, active_within="90d")) == (
        "horizon: 30d -> 60d",
        "outcome: (Count() = 0) -> (Count() > 1)",
        "active_within: None -> 90d",
    )
    one = TrainingSet("churn", label=label(), features=[view()])
    other = TrainingSet("churn", label=label(), features=[view()], split=ByTime(test="60d"), strict=True)
    assert details(one, other) == (
        "split: None -> ByTime(test='60d', embargo='0s')",
        "strict: False -> True",
    )


def test_values_of_another_type_are_told_apart() -> None:
    assert details(source(clean=[fill("amount", 1)]), source(clean=[fill("amount", 1.5)])) == (
        "clean: - Fill(column='amount', value=1)",
        "clean: + Fill(column='amount', value=1.5)",
    )
    old, new = ({"source/x": {"kind": "Source", "nulls": [given]}} for given in (1, True))
    assert diff(old, new) == (Change("source/x", "changed", ("nulls: - 1", "nulls: + True")),)
