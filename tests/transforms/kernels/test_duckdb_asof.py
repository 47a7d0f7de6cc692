"""The promises on time a third time, as SQL: DuckDB's ASOF JOIN, range joins and window frames.

Thousands of generated rows with many ties: of event times, of created times, of cut-offs with both.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from asof.features.aggregates import (
    Aggregate,
    Count,
    CountDistinct,
    DaysSinceLast,
    First,
    Last,
    Max,
    Mean,
    Min,
    Ratio,
    Std,
    Sum,
)
from asof.features.durations import Duration
from asof.features.entity import Entity
from asof.features.expressions import col
from asof.features.label import Label, every
from asof.features.readers import Files
from asof.features.source import Source
from asof.features.types import Date, Decimal, Float64, Int32, Int64, String, Timestamp
from asof.features.view import FeatureView
from asof.transforms.features_at import features_at
from asof.transforms.kernels.outcomes import outcomes
from asof.transforms.kernels.population import population

INSTANT = pa.timestamp("us", "UTC")
HOUR = 3_600_000_000
KEYS = {
    "int": {"customer": pa.int64()},
    "string": {"customer": pa.string()},
    "composite": {"customer": pa.string(), "shop": pa.int32(), "day": pa.date32()},
}
TYPES = {pa.int64(): Int64, pa.int32(): Int32, pa.string(): String, pa.date32(): Date, pa.float64(): Float64}
PRICE = pa.decimal128(12, 2)
AGGREGATES: list[Aggregate] = [
    Count(),
    Count("amount"),
    Sum("amount"),
    Sum("price"),
    Min("amount"),
    Max("price"),
    Mean("amount"),
    CountDistinct("country"),
    First("amount"),
    Last("country"),
    Sum("amount", where=col("country") == "a", name="filtered"),
    Std("amount"),
    DaysSinceLast(),
    Ratio(Sum("amount"), Count("country"), name="each"),
]
SQL = {
    "count": "count(sequence)",
    "amount_count": "count(amount)",
    "amount_sum": "sum(amount)::bigint",
    "price_sum": "sum(price)::decimal(38, 2)",
    "amount_min": "min(amount)",
    "price_max": "max(price)",
    "amount_mean": "sum(amount)::double / nullif(count(amount), 0)",
    "country_count_distinct": "count(distinct country)",
    "amount_first": "arg_min(amount, place) filter (amount is not null)",
    "country_last": "arg_max(country, place) filter (country is not null)",
    "filtered": "(sum(amount) filter (country = 'a'))::bigint",
    "amount_std": """
        sqrt((count(amount) * sum(amount * amount) - sum(amount) * sum(amount))::double
            / nullif(count(amount) * (count(amount) - 1), 0))
    """,
    "days_since_last": f"""
        min(t - e) // {24 * HOUR} + (min(t - e) % {24 * HOUR})::double / {24 * HOUR}
    """,
    "each": "sum(amount)::double / nullif(count(country), 0)",
}


class Data:
    """Labels and rows of some hundred keys, a few of them busy; every tenth key is null."""

    def __init__(self, keys: str, kind: str, rows: int = 6_000, labels: int = 3_000) -> None:
        self.random = np.random.default_rng(len(keys) + len(kind))
        self.keys = KEYS[keys]
        self.rows = self.keyed(rows).append_column("_event_time", self.instants(rows))
        for name, values in self.values(rows).items():
            self.rows = self.rows.append_column(name, values)
        if kind in ("created", "revised"):
            late = np.where(self.random.random(rows) < 0.5, 0, self.random.integers(-5, 40, rows))
            known = self.rows["_event_time"].to_numpy().astype("M8[us]").astype(np.int64) + late * HOUR
            self.rows = self.rows.append_column("_known_from", pa.array(known).cast(INSTANT))
        if kind == "revised":
            until = known + self.random.integers(1, 60, rows) * HOUR
            gone = pa.array(until, pa.int64(), mask=self.random.random(rows) < 0.6).cast(INSTANT)
            self.rows = self.rows.append_column("_known_until", gone)
        sequence = pa.array(self.random.permutation(rows).astype(np.int64))
        self.rows = self.rows.append_column("_sequence", sequence)
        self.labels = self.keyed(labels).append_column("cutoff", self.instants(labels))

    def keyed(self, number: int) -> pa.Table:
        busy = self.random.random(number) < 0.3
        picked = np.where(busy, self.random.integers(0, 4, number), self.random.integers(0, 300, number))
        missing = self.random.random(number) < 0.1
        parts = {"customer": picked, "shop": picked % 3, "day": picked % 2}
        return pa.table({name: _as(parts[name], type, missing) for name, type in self.keys.items()})

    def instants(self, number: int) -> pa.Array:
        return pa.array(self.random.integers(0, 240, number) * HOUR).cast(INSTANT)

    def values(self, number: int) -> dict[str, pa.Array]:
        missing = self.random.random(number) < 0.1
        cents = self.random.integers(-10_000, 10_000, number)
        return {
            "amount": pa.array(self.random.integers(-1_000, 1_000, number), mask=missing),
            "price": pa.array(cents / 100).cast(PRICE),
            "country": pa.array(self.random.choice(["a", "b", "c", ""], number), pa.string(), mask=missing),
        }

    def found(
        self, features: Sequence[str | Aggregate], ttl: Duration | None = None, **rules: Any
    ) -> pa.Table:
        entity, source = self.definitions()
        view = FeatureView("view", entity=entity, source=source, features=features, ttl=ttl)
        return features_at(self.labels, self.rows, view, view.columns({}), **rules)

    def definitions(self) -> tuple[Entity, Source]:
        columns = {
            field.name: Decimal(12, 2) if field.type == PRICE else TYPES[field.type]
            for field in self.rows.schema
            if not field.name.startswith("_")
        }
        source = Source("rows", reader=Files("*.csv"), schema=columns | {"at": Timestamp}, event_time="at")
        return Entity("key", keys={name: columns[name] for name in self.keys}), source

    def sql(self, query: str) -> list[tuple[Any, ...]]:
        """Rows of a query over `labels` (numbered by `label`) and `facts`, with times in microseconds."""
        names = self.rows.column_names
        known = "epoch_us(_known_from)" if "_known_from" in names else "e"
        until = "epoch_us(_known_until)" if "_known_until" in names else "null::bigint"
        keys = ", ".join(self.keys)
        with duckdb.connect() as connection:
            connection.register(
                "given_labels", self.labels.append_column("label", pa.array(range(len(self.labels))))
            )
            connection.register("given_rows", self.rows)
            connection.execute(f"""
                create view labels as select label, {keys}, epoch_us(cutoff) as t from given_labels;
                create view facts as select {keys}, amount, price, country, _sequence as sequence,
                    epoch_us(_event_time) as e, {known} as c, {until} as u,
                    {{e: epoch_us(_event_time), c: {known}, sequence: _sequence}} as place
                from given_rows
            """)
            return connection.execute(query).fetchall()


CASES = list(itertools.product(KEYS, ["plain", "created", "revised"], [False, True]))


@pytest.mark.parametrize(("keys", "kind", "strict"), [c for c in CASES if c[1] != "revised"])
@pytest.mark.parametrize("ttl", [None, 24])
def test_a_join_is_an_asof_join_of_what_was_known(keys, kind, strict, ttl):
    """The row that holds changes when a later fact comes to be known: ASOF JOIN finds the last change."""
    data = Data(keys, kind)
    using = ", ".join(data.keys)
    expected = data.sql(f"""
        with visible as (
            select {using}, greatest(e + {int(strict)}, c) as t, max(place) as place from facts group by all
        ), holding as (
            select {using}, t, max(place) over (partition by {using} order by t) as place from visible
        ), found as (
            select label, labels.t, place from labels asof left join holding using ({using}, t)
        )
        select facts.amount, facts.price, facts.country from found
        left join facts on facts.sequence = found.place.sequence
            and {"true" if ttl is None else f"facts.e >= found.t - {ttl * HOUR}"}
        order by label
    """)
    names = ["amount", "price", "country"]
    found = data.found(names, ttl and Duration.of(f"{ttl}h"), strict=strict)
    assert rows_of(found) == expected


@pytest.mark.parametrize(("keys", "kind", "strict"), CASES)
@pytest.mark.parametrize("known_at", ["respect", "ignore"])
def test_a_join_is_the_greatest_of_a_range_join(keys, kind, strict, known_at):
    data = Data(keys, kind)
    expected = data.sql(f"""
        with found as (
            select label, max(place) as place from labels left join facts using ({", ".join(data.keys)})
            where {condition(strict, known_at)} group by label
        )
        select facts.amount, facts.price, facts.country from labels left join found using (label)
        left join facts on facts.sequence = found.place.sequence order by label
    """)
    assert rows_of(data.found(["amount", "price", "country"], strict=strict, known_at=known_at)) == expected


@pytest.mark.parametrize(("keys", "kind", "strict"), CASES)
@pytest.mark.parametrize(("window", "offset"), [(None, 0), (1, 0), (7, 24), (48, 1)])
def test_a_window_is_a_range_join(keys, kind, strict, window, offset):
    data = Data(keys, kind)
    inside = "true" if window is None else f"e > t - {(window + offset) * HOUR}"
    aggregates = ", ".join(SQL.values())
    expected = data.sql(f"""
        select {aggregates} from labels left join facts
        on {" and ".join(f"labels.{key} = facts.{key}" for key in data.keys)}
            and {inside} and {condition(strict, offset=offset)}
        group by label order by label
    """)
    over = None if window is None else f"{window}h"
    asked = [over_window(aggregate, over, f"{offset}h") for aggregate in AGGREGATES]
    assert rows_of(data.found(asked, strict=strict)) == expected


@pytest.mark.parametrize(("keys", "kind", "strict"), CASES)
def test_a_map_is_a_range_join_by_category(keys, kind, strict):
    data = Data(keys, kind)
    totals = data.sql(f"""
        select label, country, sum(amount)::bigint, count(amount) from labels join facts
        on {" and ".join(f"labels.{key} = facts.{key}" for key in data.keys)}
            and e > t - {48 * HOUR} and {condition(strict)}
        where country is not null group by label, country order by label, country
    """)
    sums: list[dict[str, int]] = [{} for _ in range(len(data.labels))]
    counts: list[dict[str, int]] = [{} for _ in range(len(data.labels))]
    for label, country, total, count in totals:
        sums[label] |= {} if total is None else {country: total}
        counts[label] |= {country: count} if count else {}
    found = data.found(
        [Sum("amount", by="country", over="48h"), Count("amount", by="country", over="48h")], strict=strict
    )
    for column, expected in zip(found.columns, (sums, counts), strict=True):
        assert column.to_pylist(maps_as_pydicts="strict") == [of or None for of in expected]


@pytest.mark.parametrize("keys", KEYS)
def test_a_window_at_the_rows_own_times_is_a_window_frame(keys):
    """DuckDB's RANGE is closed at both ends: a window that is open at its start is a microsecond shorter."""
    data = Data(keys, "plain")
    data.rows = data.rows.filter(pc.is_valid(data.rows["customer"]))
    data.labels = data.rows.select([*data.keys, "_event_time"]).rename_columns([*data.keys, "cutoff"])
    day = f"range between {24 * HOUR - 1} preceding and current row"
    frame = f"(partition by {', '.join(data.keys)} order by e {day})"
    expected = data.sql(f"""
        select count(*) over {frame}, (sum(amount) over {frame})::bigint, max(price) over {frame}
        from facts order by sequence
    """)
    asked = [Count(over="24h"), Sum("amount", over="24h"), Max("price", over="24h")]
    order = np.argsort(data.rows["_sequence"].to_numpy())
    found = rows_of(data.found(asked))
    assert [found[i] for i in order] == expected


@pytest.mark.parametrize("keys", KEYS)
@pytest.mark.parametrize("kind", ["plain", "created", "revised"])
def test_an_outcome_is_a_range_join_ahead(keys, kind):
    data = Data(keys, kind)
    entity, source = data.definitions()
    label = Label(
        "l", entity=entity, source=source, at=every("1d"), gap="5h", horizon="2d", outcome=Sum("price")
    )
    expected = data.sql(f"""
        select sum(price)::decimal(38, 2) from labels left join facts
        on {" and ".join(f"labels.{key} = facts.{key}" for key in data.keys)}
            and e > t + {5 * HOUR} and e <= t + {53 * HOUR} and u is null
        group by label order by label
    """)
    assert outcomes(data.labels, data.rows, label).to_pylist() == [total for (total,) in expected]


@pytest.mark.parametrize("keys", KEYS)
@pytest.mark.parametrize("kind", ["plain", "created", "revised"])
def test_a_population_is_a_semi_join_of_a_grid(keys, kind):
    data = Data(keys, kind)
    entity, source = data.definitions()
    label = Label(
        "l", entity=entity, source=source, at=every("12h"), active_within="2d", horizon="1d", outcome=Count()
    )
    using = ", ".join(data.keys)
    keyed = " and ".join(f"{key} is not null" for key in data.keys)
    expected = data.sql(f"""
        with grid as (select unnest(range(0, {241 * HOUR}, {12 * HOUR})) as t),
        entities as (select distinct {using} from facts where {keyed}),
        asked as (
            select {using}, t from entities cross join grid semi join facts
            on {" and ".join(f"entities.{key} = facts.{key}" for key in data.keys)}
                and e > t - {48 * HOUR} and {condition(strict=False)}
        )
        select {using}, t from asked where t + {24 * HOUR} <= {240 * HOUR} order by t, {using}
    """)
    found = population(data.rows, label, 240 * HOUR * 1_000)
    cutoffs = found.labels["cutoff"].cast(INSTANT).cast(pa.int64())
    assert rows_of(found.labels.set_column(len(data.keys), "cutoff", cutoffs)) == expected


def condition(strict: bool, known_at: str = "respect", offset: int = 0) -> str:
    """Whether a label sees a fact, in SQL."""
    known = "u is null" if known_at == "ignore" else "c <= t and (u is null or t < u)"
    return f"e {'<' if strict else '<='} t - {offset * HOUR} and {known}"


def over_window(aggregate: Aggregate, over: str | None, offset: str) -> Aggregate:
    if isinstance(aggregate, Ratio):
        parts = aggregate.numerator, aggregate.denominator
        return Ratio(*parts, name=aggregate.stem, over=over, offset=offset)
    given = {"over": over, "where": aggregate.where, "offset": offset, "name": aggregate.stem}
    return type(aggregate)(*([aggregate.column] if aggregate.column else []), **given)


def rows_of(table: pa.Table) -> list[tuple[Any, ...]]:
    return list(zip(*(column.to_pylist() for column in table.columns), strict=True))


def _as(numbers: np.ndarray, type: pa.DataType, missing: np.ndarray) -> pa.Array:
    if pa.types.is_string(type):
        return pa.array([f"key {number}" for number in numbers], type, mask=missing)
    whole = pa.int32() if pa.types.is_date32(type) else type
    return pa.array(numbers, whole, mask=missing).cast(type)
