"""Definitions of every kind, each with whatever its fields may hold, for whoever must get them all right."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, timedelta, timezone
from typing import Any

import pyarrow as pa
from hypothesis import strategies as st

from asof.features import aggregates as agg
from asof.features import cleaning as clean
from asof.features import expectations as rules
from asof.features import readers
from asof.features.contract import NEW_COLUMNS, NEW_NULLS, TYPES, Contract
from asof.features.durations import Duration
from asof.features.entity import Entity
from asof.features.expectations.kinds import COMPILED, FOREIGN
from asof.features.expressions import Expr, col, sql
from asof.features.graph import Definitions
from asof.features.label import EachEvent, Every, Label
from asof.features.on_demand import OnDemandFeatureView
from asof.features.sampling import Balance, Sample
from asof.features.service import FeatureService
from asof.features.source import Source
from asof.features.splits import ByEntity, ByTime
from asof.features.training_set import TrainingSet
from asof.features.transform import Transform
from asof.features.view import FeatureView

COLUMNS = {
    "id": "int64",
    "text": "string",
    "amount": "float64",
    "price": "decimal(12,2)",
    "number": "int64",
    "day": "date",
    "flag": "bool",
    "raw": "bytes",
    "at": "timestamp",
    "seen": "timestamp",
    "a name": "string",
    "null": "string",
}

durations = st.integers(1, 10**15).map(Duration)
texts = st.text(max_size=5) | st.sampled_from(["7d", "source/other", "Count()", "null", "int64", "(a = b)"])
zones = st.sampled_from([None, UTC, timezone(timedelta(hours=5, minutes=30))])
times = st.datetimes(timezones=zones).map(lambda time: time.replace(fold=0))
plain = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | texts
    | st.binary(max_size=4)
    | st.dates()
    | times
    | st.decimals(allow_nan=False)
)
tags = st.sampled_from(["float", "date", "datetime", "Decimal", "bytes", "Arguments", "kind", "x"])
nested = st.recursive(plain, lambda inside: st.lists(inside) | st.dictionaries(tags, inside), max_leaves=5)

columns = st.sampled_from([*COLUMNS]).map(col)


def _calls(inside: st.SearchStrategy[Expr]) -> st.SearchStrategy[Expr]:
    of_two = [
        "__add__",
        "__mul__",
        "__truediv__",
        "__rsub__",
        "__and__",
        "__or__",
        "__lt__",
        "__eq__",
        "__ne__",
    ]
    return (
        st.builds(
            lambda one, name, other: getattr(one, name)(other),
            inside,
            st.sampled_from(of_two),
            inside | plain,
        )
        | inside.map(lambda one: ~one)
        | inside.map(lambda one: one.is_null())
        | st.builds(lambda one, values: one.is_in(values), inside, st.lists(plain, max_size=3))
    )


expressions = st.recursive(columns | st.just(sql("upper(text) || 'x'")), _calls, max_leaves=6)
conditions = expressions.map(lambda one: one.is_null()) | st.builds(
    lambda one, two: one > two, expressions, plain
)


class _Resource:
    name = "issues"

    def __iter__(self) -> Iterator[Any]:
        return iter(())


def _ages(events: Any, cutoff: Any) -> Any:
    return len(events)


def _double(rows: pa.Table) -> Any:
    return rows.select(["amount"]).rename_columns(["doubled"])


def _orders(cursor: Any) -> Any:
    yield [], cursor


STEPS: list[clean.Step] = [
    *(way("text") for way in (clean.trim, clean.lower, clean.upper, clean.title, clean.strip_accents)),
    clean.split("text", ["first", "last"], " "),
    clean.age("day"),
    clean.drop_columns("number", "raw"),
    clean.rename({"a name": "named"}),
    clean.parse_number("text", "decimal(9,2)", decimal=","),
    clean.parse_quantity("text", "g", on_fail="quarantine"),
    clean.parse_date("text", ["%d/%m/%Y", "%Y-%m-%d"], "timestamp"),
    clean.dedupe("id", keep="latest", by="number"),
    clean.fill_previous("amount", ["id"]),
    clean.fill_mean("amount"),
    clean.fill_median("price", by=["text"]),
    clean.normalise("text", "country", {"Holland": "NL"}),
    clean.normalise("text", ["London", "Leeds"], on_fail="quarantine"),
]
steps = st.one_of(
    st.sampled_from(STEPS),
    st.builds(clean.fill, st.just("amount"), st.floats(allow_nan=False)),
    st.builds(clean.fill, st.just("day"), st.dates() | st.dates().map(str)),
    st.builds(clean.fill, st.just("raw"), st.binary()),
    st.builds(clean.replace, st.just("text"), st.dictionaries(texts, texts)),
    st.builds(clean.replace, st.just("price"), st.dictionaries(st.integers(), st.decimals(allow_nan=False))),
    st.builds(clean.clip, st.just("at"), times),
    st.builds(clean.clip, st.just("amount"), st.integers(0, 9), st.none() | st.floats(10, 20)),
    st.builds(clean.one_hot, st.just("text"), st.just({"web": "Web shop"}), st.sampled_from([None, "other"])),
    st.builds(
        clean.derive, st.just("derived"), st.sampled_from(["int64", "list(int64)"]), expressions | plain
    ),
    st.builds(clean.drop_where, conditions),
)

_ARGUMENTS: dict[str, object] = {
    "column": "text",
    "column_A": "amount",
    "column_B": "number",
    "column_list": ["amount", "number"],
    "value_set": ["a", "b"],
    "min_value": 1,
    "regex": "x",
    "regex_list": ["x", "y"],
    "like_pattern": "%x",
    "value_pairs_set": [(1, 2), (3, 4)],
    "value": 3,
    "sum_total": 2.5,
    "quantile_ranges": {"quantiles": [0.5], "value_ranges": [[None, 3]]},
    "source": "other",
    "source_column": "text",
    "versions": 7,
    "within": "1d",
    "against": "now",
}


_COMPILED = sorted(COMPILED.keys() - {"expect_column_values_to_be_in_source"})  # `references` makes it


def _expectation(kind: str, on_fail: str) -> rules.Expectation:
    known = COMPILED[kind]
    given = {name: _ARGUMENTS.get(name, "x") for name in known.needs}
    if "min_value" in known.allows:
        given["min_value"] = "a" if "min_value" in known.values else 1
    if known.takes == "number" and "column" in given:
        given["column"] = "amount"
    return rules.expect(kind, on_fail=on_fail, **given)


OTHER = Source("other", reader=readers.Push(), schema=COLUMNS, event_time="at")
expectations = st.one_of(
    st.builds(_expectation, st.sampled_from(_COMPILED), st.sampled_from(["fail", "warn"])),
    st.builds(
        lambda kind, given: rules.expect(kind, **given),
        st.sampled_from(FOREIGN),
        st.dictionaries(st.sampled_from(["a", "b", "float", "Arguments"]), nested, max_size=3),
    ),
    st.just(rules.references("text", OTHER, on_fail="warn")),
)

options = st.dictionaries(texts, texts, max_size=2)
files = st.builds(readers.Files, st.lists(texts, min_size=1), format=st.just("json"), nulls=st.lists(texts))
kafka = st.builds(
    readers.Kafka, texts, topic=texts, options=options, timestamp=st.sampled_from([None, "seen"])
)
any_reader = st.one_of(
    files,
    kafka,
    st.builds(
        readers.Debezium,
        files | kafka,
        known_at=st.just("seen"),
        deleted=st.just("flag"),
        time_unit=st.none() | st.just("ms") | st.just({"at": "us"}),
    ),
    st.builds(readers.Delta, texts, known_at=st.just("seen"), deleted=st.just("flag"), options=options),
    st.builds(readers.Iceberg, texts.map("shop.{}".format), catalog=options),
    st.builds(
        readers.Sql, st.just("sqlite:///x"), table=st.just("t"), cursor=st.just("at"), overlap=durations
    ),
    st.builds(
        readers.Sql, st.just("sqlite:///x"), table=st.just("t"), cursor=st.just("number"), overlap=st.just(3)
    ),
    st.just(
        readers.Sql(
            "sqlite:///x", query="q", snapshot=readers.Snapshot(["id"], known_at="seen", deleted="flag")
        )
    ),
    st.just(readers.Push()),
    st.just(readers.Python(_orders)),
    st.just(readers.Dlt(_Resource())),
)

contracts = st.builds(
    Contract,
    new_columns=st.sampled_from(NEW_COLUMNS),
    types=st.sampled_from(TYPES),
    new_nulls=st.sampled_from(NEW_NULLS),
)


def sources_of_every_rule() -> list[Source]:
    """A source for each cleaning step of `STEPS`, and one of every kind of expectation."""
    compiled = [_expectation(kind, "fail") for kind in _COMPILED]
    foreign = [rules.expect(kind, given="x") for kind in FOREIGN]
    held = [*compiled, rules.references("text", OTHER), *foreign]
    given: dict[str, Any] = {"reader": readers.Push(), "schema": COLUMNS, "event_time": "at"}
    cleaned = [Source(f"cleaned_{number}", clean=[step], **given) for number, step in enumerate(STEPS)]
    return [*cleaned, Source("expected", expect=held, **given)]


@st.composite
def sources(draw: st.DrawFn) -> Source:
    """Sources of every reader and contract, with one of every cleaning step or some of every expectation."""
    known, cleaned = draw(st.booleans()), draw(st.booleans())
    return Source(
        "orders",
        reader=draw(any_reader),
        schema=COLUMNS,
        event_time="at",
        created="seen" if known else None,
        identity=["id"] if known else (),
        retracted="flag" if known else None,
        timezone=draw(st.sampled_from(["UTC", "Europe/Paris"])),
        contract=draw(contracts),
        max_rejected=draw(st.none() | st.integers(0, 9) | st.floats(0.1, 0.9)),
        clean=[draw(steps)] if cleaned else [],
        expect=[] if cleaned else draw(st.lists(expectations, max_size=3)),
    )


over = st.none() | st.lists(durations, min_size=1, max_size=2, unique=True)
of_values = [agg.Count, agg.CountDistinct, agg.Min, agg.Max, agg.First, agg.Last, agg.DaysSinceLast]
of_numbers = [agg.Sum, agg.Mean, agg.Std]
given = {"over": over, "where": st.none() | conditions, "offset": durations}
categories = st.sampled_from([None, ["web", "shop"], {"phone": "By phone"}])
aggregates = st.one_of(
    st.builds(
        lambda kind, **rest: kind("text", name="a", by="text", **rest),
        st.sampled_from(of_values),
        categories=categories,
        **given,
    ),
    st.builds(lambda kind, **rest: kind("amount", name="a", **rest), st.sampled_from(of_numbers), **given),
    st.builds(
        lambda kind, **rest: kind("text", 3, name="a", **rest),
        st.sampled_from([agg.LastN, agg.TopK]),
        **given,
    ),
    st.builds(
        lambda condition, **rest: agg.Ratio(
            agg.Sum("amount", where=condition), agg.Count(), name="a", **rest
        ),
        conditions,
        over=over,
        offset=durations,
    ),
    st.builds(
        lambda outputs, **rest: agg.AggregateFunction(
            _ages, name="a", inputs=["day"], outputs=outputs, **rest
        ),
        st.sampled_from(["float64", {"oldest": "date", "youngest": "date"}]),
        **given,
    ),
)

outcomes = st.builds(
    lambda condition, most: agg.Count("text", where=condition) + agg.Sum("amount") > most,
    conditions,
    st.integers() | st.floats(allow_nan=False) | st.decimals(allow_nan=False),
)
cutoffs: st.SearchStrategy[Every | EachEvent] = st.sampled_from([Every("7d"), EachEvent(), EachEvent(OTHER)])
BY_TIME, BY_ENTITY = ByTime(test="1d", embargo="1h"), ByEntity(test=0.25, seed=True)
splits: st.SearchStrategy[list[ByTime | ByEntity]] = st.sampled_from(
    [[], [BY_TIME], [BY_ENTITY], [BY_TIME, BY_ENTITY]]
)
samples = st.sampled_from([None, Sample(0.1), Sample(positives=1, negatives=0.5, seed=3), Balance(seed=2)])


@st.composite
def definitions(draw: st.DrawFn) -> Definitions:
    """Definitions of every kind, which refer to each other."""
    source = draw(sources())
    customer = Entity("customer", keys={"id": "int64"})
    person = FeatureView("person", entity=customer, source=OTHER, features=["text", "a name"])
    view = FeatureView(
        "orders",
        entity=customer,
        source=OTHER,
        features=["amount", draw(aggregates)],
        ttl=draw(st.none() | durations),
        enrich=draw(st.sampled_from([[], [person], ["person"]])),
        derive=[clean.derive("derived", "bool", draw(conditions))],
        transform=draw(st.sampled_from([None, Transform(_double, outputs={"doubled": "float64"})])),
    )
    basket = OnDemandFeatureView(
        "basket",
        request={"size": "int64"},
        features=[person.select("text")],
        transform=Transform(_double, inputs=["size"], outputs={"doubled": "float64"}, frame="narwhals"),
    )
    label = Label(
        "quiet",
        entity=customer,
        source=OTHER,
        at=draw(cutoffs),
        horizon=draw(durations),
        gap=draw(durations),
        outcome=draw(outcomes),
    )
    wanted = TrainingSet(
        "churn",
        label=label,
        features=[view, person.select("text")],
        split=draw(splits),
        strict=draw(st.booleans()),
        known_at=draw(st.sampled_from(["respect", "ignore"])),
        sample=draw(samples),
    )
    return Definitions([source, wanted, FeatureService("model", features=[view, basket])])
