"""Every definition is an immutable value: hashable, comparable, printed in one line, plain JSON data."""

from __future__ import annotations

import copy
import dataclasses
import json
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import pytest

from asof.features.aggregates import Count, Last, Ratio, Sum
from asof.features.cleaning import dedupe, derive, drop_where, fill, keep_where, replace, trim
from asof.features.describe import definition_hash, describe, key_of
from asof.features.entity import Entity
from asof.features.expectations import between, matches, not_null, one_of
from asof.features.expressions import col, sql
from asof.features.graph import Definitions
from asof.features.label import Label, every
from asof.features.readers import Files
from asof.features.service import FeatureService
from asof.features.source import Source
from asof.features.splits import ByTime
from asof.features.training_set import TrainingSet
from asof.features.types import Bool, Bytes, Date, Float64, Int64, String, Timestamp
from asof.features.view import FeatureView

SRC = Path(__file__).resolve().parents[2] / "src"


def project() -> dict[str, object]:
    """One of each definition, with something in every field; equal but other objects at each call."""
    customer = Entity("customer", keys={"customer_id": Int64})
    purchases = Source(
        "purchases",
        reader=Files("data/*.csv.gz", nulls=("", "NA")),
        schema={
            "customer_id": Int64,
            "invoice": String,
            "channel": String,
            "amount": "decimal(10,2)",
            "weight": Float64,
            "day": Date,
            "raw": Bytes,
            "at": Timestamp,
            "loaded_at": Timestamp,
            "gone": Bool,
        },
        event_time="at",
        created="loaded_at",
        identity=["invoice"],
        retracted="gone",
        timezone="Europe/Paris",
        clean=[
            fill("channel", "shop"),
            fill("weight", float("inf")),
            fill("raw", b"\x00"),
            fill("day", date(2024, 1, 1)),
            replace("channel", {"www": "web", "": None}),
            trim("invoice"),
            drop_where(col("amount") == Decimal("0.00")),
            keep_where(sql("length(invoice) > 3")),
            dedupe("invoice", "loaded_at"),
            derive("heavy", Bool, col("weight") > 10),
        ],
        expect=[
            not_null("customer_id", on_fail="quarantine"),
            between("amount", 0, 1_000),
            one_of("channel", {"web", "shop", "phone"}),
            matches("invoice", "^I", on_fail="warn"),
        ],
    )
    people = Source(
        "people",
        reader=Files("people.parquet"),
        schema={"customer_id": Int64, "country": String},
        known_since=datetime(2024, 1, 1),
    )
    person = FeatureView("person", entity=customer, source=people, features=["country"])
    spend = FeatureView(
        "spend",
        entity=customer,
        source=purchases,
        ttl="180d",
        enrich=[person],
        derive=[derive("home", Bool, col("person__country") == "FR")],
        features=[
            "channel",
            Count(over=["7d", timedelta(days=30)], offset="1d"),
            Sum("amount", over="7d", where=col("channel").is_in(["web"])),
            Ratio(Sum("amount"), Count("amount"), name="mean_amount"),
            Last("home"),
        ],
    )
    churned = Label(
        "churned",
        entity=customer,
        source=purchases,
        at=every("7d"),
        horizon="30d",
        gap="1d",
        outcome=Count() == 0,
        active_within="90d",
    )
    model = FeatureService("model", features=[spend.select("channel", "count_7d_ago_1d"), person])
    churn = TrainingSet(
        "churn",
        label=churned,
        features=[spend, person.select("country")],
        split=ByTime(test="60d", embargo="30d"),
        strict=True,
    )
    every_one = (customer, purchases, people, person, spend, churned, model, churn)
    return {key_of(definition): definition for definition in every_one}


KEYS = list(project())


@pytest.mark.parametrize("key", KEYS)
def test_two_of_the_same_are_equal(key: str) -> None:
    one, other = project()[key], project()[key]
    assert one is not other
    assert one == other
    assert bool(one != other) is False
    assert hash(one) == hash(other)
    assert len({one, other}) == 1
    assert copy.deepcopy(one) == one


def test_different_ones_are_not() -> None:
    assert len(set(project().values())) == len(KEYS)


@pytest.mark.parametrize("key", KEYS)
def test_each_field_counts(key: str) -> None:
    one = project()[key]
    for field in dataclasses.fields(one):
        other = copy.copy(one)
        object.__setattr__(other, field.name, "something else")
        assert other != one, field.name


@pytest.mark.parametrize("key", KEYS)
def test_nothing_can_be_set(key: str) -> None:
    definition = project()[key]
    for field in dataclasses.fields(definition):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(definition, field.name, None)
        with pytest.raises(dataclasses.FrozenInstanceError):
            delattr(definition, field.name)
        assert isinstance(hash(getattr(definition, field.name)), int)


def test_what_a_definition_was_made_from_can_change() -> None:
    keys, features = {"customer_id": Int64}, [Count(over="7d")]
    customer = Entity("customer", keys=keys)
    spend = FeatureView("spend", entity=customer, source=project()["source/purchases"], features=features)
    keys["other"] = Int64
    features.append("channel")
    assert list(customer.keys) == ["customer_id"]
    assert spend.features == (Count(over="7d"),)
    with pytest.raises(TypeError):
        customer.keys["other"] = Int64


@pytest.mark.parametrize("key", KEYS)
def test_it_prints_in_one_line(key: str) -> None:
    definition = project()[key]
    printed = repr(definition)
    assert "\n" not in printed
    assert printed.startswith(f"{type(definition).__name__}({definition.name!r}")
    assert "object at 0x" not in printed


def test_what_is_printed_reads_like_what_was_written() -> None:
    given = project()
    assert repr(given["entity/customer"]) == "Entity('customer', keys={'customer_id': Int64})"
    assert repr(given["view/person"]) == (
        "FeatureView('person', entity=customer, source=people, features=['country'])"
    )
    assert repr(given["label/churned"]) == (
        "Label('churned', entity=customer, source=purchases, at=Every(step=Duration('7d')), "
        "horizon=Duration('30d'), gap=Duration('1d'), outcome=(Count() = 0), active_within=Duration('90d'))"
    )
    assert repr(given["service/model"]) == (
        "FeatureService('model', features=[spend.select('channel', 'count_7d_ago_1d'), person])"
    )
    assert repr(Sum("amount", over=["168h"], where=col("channel") == "web", offset="24h", name="web")) == (
        "Sum('amount', over=['7d'], where=(channel = 'web'), offset='1d', name='web')"
    )


@pytest.mark.parametrize("key", KEYS)
def test_it_is_plain_json_data(key: str) -> None:
    described = describe(project()[key])
    assert json.loads(json.dumps(described, allow_nan=False)) == described
    assert (described["kind"], described["name"]) == (
        type(project()[key]).__name__,
        project()[key].name,
    )


def test_json_data_names_other_definitions_by_their_keys() -> None:
    described = describe(project()["training_set/churn"])
    assert described["label"] == "label/churned"
    assert described["features"] == [
        "view/spend",
        {"kind": "Selection", "view": "view/person", "names": ["country"]},
    ]
    assert described["split"] == {"kind": "ByTime", "test": "60d", "embargo": "30d"}


def test_a_time_is_kept_in_utc_however_it_was_given() -> None:
    given = {
        Source("s", reader=Files("x.csv"), schema={"x": Int64}, known_since=since)
        for since in (
            "2024-01-01",
            datetime(2024, 1, 1),
            datetime(2024, 1, 1, tzinfo=UTC),
            datetime(2024, 1, 1, 2, tzinfo=timezone(timedelta(hours=2))),
        )
    }
    assert len(given) == 1
    assert describe(given.pop())["known_since"] == {"datetime": "2024-01-01 00:00:00+00:00"}


@pytest.mark.parametrize("key", KEYS)
def test_equal_definitions_have_one_hash_and_others_another(key: str) -> None:
    assert definition_hash(project()[key]) == definition_hash(project()[key])
    assert len({definition_hash(definition) for definition in project().values()}) == len(KEYS)


def test_a_hash_is_of_everything_inside() -> None:
    before = Definitions([project()["training_set/churn"]])
    purchases = before.sources["purchases"]
    shorter = Source(
        **{field.name: getattr(purchases, field.name) for field in dataclasses.fields(purchases)}
        | {"clean": purchases.clean[1:]}
    )
    churned = project()["label/churned"]
    changed = Label(
        **{field.name: getattr(churned, field.name) for field in dataclasses.fields(churned)}
        | {"source": shorter}
    )
    assert definition_hash(changed) != definition_hash(churned)
    assert describe(changed) == describe(churned)


PRINT_HASHES = """
import importlib.util, json
spec = importlib.util.spec_from_file_location("here", {path!r})
here = importlib.util.module_from_spec(spec)
spec.loader.exec_module(here)
definitions = here.Definitions(here.project().values())
hashes = {{key: here.definition_hash(value) for key, value in here.project().items()}}
tables = {{node.name: node.definition for node in definitions.tables}}
print(json.dumps([definitions.hash, hashes, tables, definitions.described]))
"""


def test_a_hash_is_the_same_in_every_process() -> None:
    printed = {
        subprocess.run(
            [sys.executable, "-c", PRINT_HASHES.format(path=__file__)],
            env={"PYTHONPATH": str(SRC), "PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for seed in ("0", "1", "4711")
    }
    assert len(printed) == 1
    here = Definitions(project().values())
    assert json.loads(printed.pop())[0] == here.hash
