"""On-demand views as definitions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from asof.errors import DefinitionError
from asof.features.aggregates import Count, Sum
from asof.features.entity import Entity
from asof.features.graph import Definitions
from asof.features.label import Label, each_event, every
from asof.features.on_demand import OnDemandFeatureView, on_demand_feature_view
from asof.features.readers import Files
from asof.features.service import FeatureService, feature_columns, stored_features
from asof.features.source import Source
from asof.features.training_set import TrainingSet
from asof.features.transform import Transform
from asof.features.types import Float64, Int64
from asof.features.view import FeatureView

CUSTOMER = Entity("customer", keys={"customer_id": Int64})
PURCHASES = Source(
    "purchases",
    reader=Files("purchases.csv"),
    schema={"customer_id": Int64, "amount": Float64, "at": "timestamp"},
    event_time="at",
)
SPEND = FeatureView(
    "spend", entity=CUSTOMER, source=PURCHASES, features=[Sum("amount", over=["7d", "30d"]), Count(over="7d")]
)
QUIET = Label("quiet", entity=CUSTOMER, source=PURCHASES, at=every("7d"), horizon="7d", outcome=Count() == 0)
TILLS = Source(
    "tills",
    reader=Files("tills.csv"),
    schema={"customer_id": Int64, "amount": Float64, "items": Int64, "at": "timestamp"},
    event_time="at",
)


def asked_at_tills(name: str = "asked") -> Label:
    return Label(
        name, entity=CUSTOMER, source=PURCHASES, at=each_event(TILLS), horizon="7d", outcome=Count() > 0
    )


ASKED = asked_at_tills()


def same(rows: Any) -> Any:
    return rows


def basket(name: str = "basket", **given: Any) -> OnDemandFeatureView:
    inputs = given.pop("inputs", None)
    fields = {"request": {"amount": Float64}, "features": [SPEND.select("amount_sum_7d")]} | given
    return OnDemandFeatureView(
        name, transform=Transform(same, outputs={"share": Float64}, inputs=inputs), **fields
    )


def test_the_decorator() -> None:
    made = on_demand_feature_view(request={"amount": Float64}, outputs={"share": Float64}, name="basket")(
        same
    )
    assert made == basket(features=[])


def test_its_columns_are_those_of_the_request_and_of_the_features() -> None:
    assert list(basket().columns({}).items()) == [("amount", Float64), ("spend__amount_sum_7d", Float64)]


def test_a_service_reads_what_its_on_demand_views_need() -> None:
    service = FeatureService("model", features=[basket(), SPEND.select("count_7d")])
    assert service.views == (SPEND,)
    assert dict(service.request) == {"amount": Float64}
    assert stored_features(service.features) == (SPEND.select("count_7d", "amount_sum_7d"),)
    assert list(feature_columns(service.features, {})) == ["spend__count_7d", "basket__share"]
    whole = [basket(), SPEND]
    assert stored_features(whole) == (SPEND,)
    assert list(Definitions([service]).on_demand) == ["basket"]


def test_definitions_know_it_by_its_own_key() -> None:
    described = Definitions([FeatureService("model", features=[basket()])]).described
    assert described["service/model"]["features"] == ["on_demand/basket"]
    assert described["on_demand/basket"]["request"] == [["amount", "float64"]]
    assert "view/spend" in described


def test_a_training_set_takes_those_that_need_features_alone() -> None:
    alone = basket(request=None, inputs=["spend__amount_sum_7d"])
    assert TrainingSet("churn", label=QUIET, features=[alone]).views == (SPEND,)


def test_a_training_set_takes_requests_from_the_rows_of_its_cut_offs() -> None:
    churn = TrainingSet("churn", label=ASKED, features=[basket()])
    assert dict(churn.request) == {"amount": Float64}
    definitions = Definitions([churn])
    assert definitions.cutoff_columns(ASKED) == ("amount",)
    plain = Definitions([TrainingSet("churn", label=ASKED, features=[SPEND])])
    assert plain.cutoff_columns(ASKED) == ()
    of_tables = [{node.name: node.definition for node in given.tables} for given in (definitions, plain)]
    changed = {name for name in of_tables[0] if of_tables[0][name] != of_tables[1][name]}
    assert changed == {"cutoffs/asked"}


WRONG: dict[str, tuple[Callable[[], object], list[str]]] = {
    "from nothing": (lambda: basket(request=None, features=[]), ["computes from nothing"]),
    "a key in the request": (lambda: basket(request={"customer_id": Int64}), ["'customer_id'", "is a key"]),
    "a taken name": (lambda: basket(request={"spend__x": Int64}), ["'spend__x'", "taken"]),
    "the cut-off": (lambda: basket(request={"cutoff": "timestamp"}), ["'cutoff'", "taken"]),
    "an unknown input": (
        lambda: basket(inputs=["amuont"]),
        ["OnDemandFeatureView 'basket': input of 'same' 'amuont'", "did you mean 'amount'"],
    ),
    "a service without keys": (
        lambda: FeatureService("model", features=[basket(features=[])]),
        ["FeatureService 'model' has no feature view"],
    ),
    "two types of one column": (
        lambda: FeatureService("model", features=[basket(), basket("other", request={"amount": Int64})]),
        ["request column 'amount' is Int64 in 'other' but Float64 before it"],
    ),
    "two of a name": (
        lambda: FeatureService("model", features=[SPEND, basket("spend")]),
        ["two views are named 'spend'"],
    ),
    "cut-offs on a grid": (
        lambda: TrainingSet("churn", label=QUIET, features=[basket()]),
        ["'basket' needs 'amount' (Float64) of each request", "on a grid", "at=each_event(applications)"],
    ),
    "cut-offs without the column": (
        lambda: TrainingSet("churn", label=ASKED, features=[basket(request={"amuont": Float64})]),
        ["source 'tills' of the cut-offs does not have", "did you mean 'amount'"],
    ),
    "cut-offs with another type": (
        lambda: TrainingSet("churn", label=ASKED, features=[basket(request={"amount": Int64})]),
        ["'amount' (Int64)", "in source 'tills' it is Float64"],
    ),
    "a label of that name": (
        lambda: TrainingSet("churn", label=asked_at_tills("amount"), features=[basket()]),
        ["label 'amount' has that name too"],
    ),
    "an unknown feature": (lambda: SPEND.select("amount_sum"), ["no feature 'amount_sum'"]),
}


@pytest.mark.parametrize(("make", "words"), WRONG.values(), ids=WRONG)
def test_the_message_says_what_is_wrong(make: Callable[[], object], words: list[str]) -> None:
    with pytest.raises(DefinitionError) as error:
        make()
    for word in words:
        assert word in str(error.value)
