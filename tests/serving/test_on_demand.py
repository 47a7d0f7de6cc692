"""On-demand features of lookups: what comes with the request, and whose code computes them."""

from __future__ import annotations

import copy
import decimal
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from asof.errors import Conflict, DataError, DefinitionError, NotFound
from asof.serving.http import serving
from asof.serving.lookup import Lookup
from asof.serving.on_demand import OnDemandFunction

NOW = datetime(2024, 5, 1, tzinfo=UTC)
KEYS = [{"household_id": 1}, {"household_id": 9}]
REQUEST = [{"amount": 2.5, "note": "a"}, {"amount": None, "note": "b"}]
BASKET = {
    "kind": "OnDemandFeatureView",
    "name": "basket",
    "request": [["amount", "float64"], ["note", "string"]],
    "features": [{"kind": "Selection", "view": "view/spend", "names": ["baskets_7d"]}],
    "transform": {"outputs": [["per_basket", "float64"], ["shout", "string"]]},
}
FEATURES = ("spend__amount_7d", "basket__per_basket", "basket__shout")


def per_basket(rows: pa.Table) -> pa.Table:
    baskets = rows["spend__baskets_7d"]
    if pc.any(pc.equal(rows["note"], "bad")).as_py():
        raise DataError("'basket' fails on row 0: ValueError: bad")
    return pa.table(
        {
            "basket__per_basket": pc.divide(rows["amount"], baskets.cast(pa.float64())),
            "basket__shout": pc.utf8_upper(rows["note"]),
        }
    )


@pytest.fixture
def basket_shop(demo_shop: Any) -> Any:
    """The demo with a service of an on-demand view, which needs a feature that the service does not give."""
    amount = {"kind": "Selection", "view": "view/spend", "names": ["amount_7d"]}
    demo_shop.apply(
        {"checkout": ["on_demand/basket", amount], "churn": ["view/spend"]}, on_demand__basket=BASKET
    )
    demo_shop.functions["basket"] = OnDemandFunction(copy.deepcopy(BASKET), per_basket)
    return demo_shop


@pytest.fixture
def client(basket_shop: Any) -> Iterator[httpx.Client]:
    with serving(basket_shop.lookup) as url, httpx.Client(base_url=url) as opened:
        yield opened


def test_they_come_after_what_is_read(basket_shop: Any) -> None:
    found = basket_shop.lookup.get("checkout", KEYS, request=REQUEST, now=NOW)
    assert found.names == FEATURES
    assert found.rows == [(decimal.Decimal("12.30"), 2.5 / 3, "A"), (None, None, "B")]
    assert found.statuses == [("present",) * 3, ("not_found", "null", "present")]
    assert [times[1:] for times in found.event_times] == [(None, None)] * 2
    assert found.to_arrow().schema.field("basket__per_basket").type == pa.float64()


def test_one_request_for_all_keys(basket_shop: Any) -> None:
    found = basket_shop.lookup.get("checkout", KEYS, request=REQUEST[0], now=NOW)
    assert [row[2] for row in found.rows] == ["A", "A"]


def test_no_keys(basket_shop: Any) -> None:
    assert basket_shop.lookup.get("checkout", [], request=[]).rows == []
    assert basket_shop.lookup.get("checkout", []).names == FEATURES


@pytest.mark.parametrize(
    ("request_", "kind", "words"),
    [
        (None, DefinitionError, ["request column 'amount' is missing", "amount (float64), note (string)"]),
        ({"amount": 1.0}, DefinitionError, ["request column 'note' is missing"]),
        ({"amount": 1.0, "notes": ""}, DefinitionError, ["no request column 'notes'", "did you mean 'note'"]),
        ({"amount": "much", "note": ""}, DataError, ["request column 'amount' is 'much', expected float64"]),
        ({"amount": 1.0, "note": 1}, DataError, ["request column 'note' is 1, expected string"]),
        (REQUEST[:1], DataError, ["1 rows of request for 2 keys"]),
        ({"amount": 1.0, "note": "bad"}, DataError, ["'basket' fails on row 0"]),
    ],
)
def test_a_wrong_request(basket_shop: Any, request_: Any, kind: type[Exception], words: list[str]) -> None:
    with pytest.raises(kind) as error:
        basket_shop.lookup.get("checkout", KEYS, request=request_)
    for word in words:
        assert word in str(error.value)


def test_a_service_without_them_takes_no_request(basket_shop: Any) -> None:
    with pytest.raises(DefinitionError, match="service 'churn' has no request column 'amount'"):
        basket_shop.lookup.get("churn", KEYS, request={"amount": 1.0})


def test_other_code_than_was_applied_is_refused(basket_shop: Any) -> None:
    changed = BASKET | {"request": [["amount", "float64"]]}
    basket_shop.functions["basket"] = OnDemandFunction(changed, per_basket)
    with pytest.raises(Conflict, match="'basket' here differs from what was applied"):
        basket_shop.lookup.get("checkout", KEYS, request=REQUEST)


def test_without_the_code_others_can_be_looked_up(basket_shop: Any) -> None:
    lookup = Lookup(basket_shop.catalogue, basket_shop.store)
    with pytest.raises(NotFound, match="code of on-demand view 'basket' is not at hand"):
        lookup.get("checkout", KEYS, request=REQUEST)
    assert lookup.get("churn", KEYS, now=NOW).rows[0][0] == 3


@pytest.mark.parametrize(
    ("dtype", "given", "value"),
    [
        ("int64", "7", 7),
        ("decimal(5,2)", 1.1, decimal.Decimal("1.10")),
        ("decimal(5,2)", "1.1", decimal.Decimal("1.10")),
        ("decimal(5,2)", 7, decimal.Decimal("7.00")),
        ("float64", float("nan"), None),
        ("float64", "1e3", 1000.0),
        ("bool", True, True),
        ("timestamp", "2024-05-01T00:00:00Z", NOW),
    ],
)
def test_values_of_each_type(basket_shop: Any, dtype: str, given: Any, value: Any) -> None:
    echo_like(basket_shop, dtype)
    assert basket_shop.lookup.get("echoed", KEYS[:1], request={"x": given}).one()["echo__y"] == value


@pytest.mark.parametrize(
    ("dtype", "given"),
    [
        ("decimal(5,2)", 1.111),
        ("decimal(5,2)", 12345),
        ("decimal(5,2)", True),
        ("int8", 300),
        ("float64", b"1"),
    ],
)
def test_values_that_do_not_fit(basket_shop: Any, dtype: str, given: Any) -> None:
    echo_like(basket_shop, dtype)
    with pytest.raises(DataError, match="request column 'x' is"):
        basket_shop.lookup.get("echoed", KEYS[:1], request={"x": given})


def echo_like(shop: Any, dtype: str) -> None:
    echo = {"request": [["x", dtype]], "features": [], "transform": {"outputs": [["y", dtype]]}}
    shop.apply({"echoed": ["view/spend", "on_demand/echo"]}, on_demand__echo=echo)
    shop.functions["echo"] = OnDemandFunction(echo, lambda rows: rows.rename_columns(["echo__y"]))
    shop.lookup.refresh()


def test_over_http(client: httpx.Client) -> None:
    path = "/v1/services/checkout/features"
    answer = client.post(path, json={"keys": KEYS, "request": REQUEST, "now": NOW.isoformat()})
    assert answer.json()["rows"][0]["values"] == dict(zip(FEATURES, (12.30, 2.5 / 3, "A"), strict=True))
    got = client.get(path, params={"household_id": "1", "amount": "2.5", "note": "a"}).json()["rows"][0]
    assert got["values"]["basket__per_basket"] == 2.5 / 3
    assert got["event_times"]["basket__per_basket"] is None


def test_over_http_a_missing_column_is_named(client: httpx.Client) -> None:
    answer = client.post("/v1/services/checkout/features", json={"keys": KEYS, "request": {"amount": 1}})
    assert answer.status_code == 422
    assert "request column 'note' is missing" in answer.json()["detail"]


def test_services_say_what_comes_with_the_request(client: httpx.Client) -> None:
    cards = {card["name"]: card for card in client.get("/v1/services").json()["services"]}
    assert cards["checkout"]["request"] == [
        {"name": "amount", "type": "float64"},
        {"name": "note", "type": "string"},
    ]
    assert cards["churn"]["request"] == []
