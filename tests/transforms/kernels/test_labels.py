"""P3: outcomes after the cut-off, and the population that they are asked for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.transforms.kernels.strategies import HOUR, START, VALUES, Case, cases, durations, table

from asof.features.aggregates import Count, Max, Ratio, Sum
from asof.features.durations import ZERO, Duration
from asof.features.entity import Entity
from asof.features.expressions import Expr, col
from asof.features.label import Label, every
from asof.features.readers import Files
from asof.features.source import Source
from asof.storage.arrow_types import type_name
from asof.storage.instants import nanoseconds
from asof.testing import oracle
from asof.transforms.kernels.outcomes import outcomes
from asof.transforms.kernels.population import population

OUTCOMES: dict[str, tuple[Expr, Any]] = {
    "count": (Count(), lambda rows, t: len(rows)),
    "none": (Count() == 0, lambda rows, t: not rows),
    "spend": (Sum("price"), lambda rows, t: oracle.aggregated(rows, "sum", "price", t)),
    "share": (
        Ratio(Count(where=col("weight") > 0), Count(), name="r"),
        lambda rows, t: len([r for r in rows if (r["weight"] or 0) > 0]) / len(rows) if rows else None,
    ),
    "either": ((Max("amount") > 1) | (Count() > 2), lambda rows, t: _either(rows, t)),
}


def _either(rows: list[oracle.Row], t: int) -> bool | None:
    most = oracle.aggregated(rows, "max", "amount", t)
    if len(rows) > 2 or (most is not None and most > 1):
        return True
    return None if most is None else False


def label_of(case: Case, outcome: Expr, **times: Any) -> Label:
    columns = {name: type_name(case.row_table.schema.field(name).type) for name in [*case.keys, *VALUES]}
    reader = Files("events/*.csv")
    source = Source("events", reader=reader, schema=columns | {"at": "timestamp"}, event_time="at")
    entity = Entity("who", keys={key: columns[key] for key in case.keys})
    return Label("what", entity=entity, source=source, outcome=outcome, **({"at": every("7d")} | times))


@settings(max_examples=250)
@given(cases(), st.sampled_from(sorted(OUTCOMES)), st.just(ZERO) | durations, durations)
def test_an_outcome_sees_what_follows_the_gap_within_the_horizon(case, name, gap, horizon):
    outcome, plainly = OUTCOMES[name]
    label = label_of(case, outcome, gap=gap, horizon=horizon)
    expected = [
        plainly(oracle.followed(row, case.rows, case.keys, gap=gap.ns, horizon=horizon.ns), row["cutoff"])
        for row in case.labels
    ]
    assert outcomes(case.label_table, case.row_table, label).to_pylist() == expected


def test_the_edges_of_a_horizon():
    types = {"k": pa.int64(), "_event_time": pa.timestamp("us", "UTC"), "_sequence": pa.int64()}
    rows = table([{"k": 1, "_event_time": i * HOUR, "_sequence": i} for i in range(10)], types)
    labels = table([{"k": 1, "cutoff": 2 * HOUR}], {"k": pa.int64(), "cutoff": types["_event_time"]})
    source = Source("s", reader=Files("x.csv"), schema={"k": "int64"} | {"at": "timestamp"}, event_time="at")
    label = Label(
        "l",
        entity=Entity("e", keys={"k": "int64"}),
        source=source,
        at=every("1d"),
        gap="1h",
        horizon="2h",
        outcome=Count(),
    )
    assert outcomes(labels, rows, label).to_pylist() == [2]


@settings(max_examples=250)
@given(
    case=cases(),
    step=st.sampled_from(
        [Duration(HOUR), Duration(5 * HOUR + 1_000), Duration(24 * HOUR), Duration(7 * HOUR + 1)]
    ),
    active=st.none() | durations,
    gap=st.just(ZERO) | durations,
    horizon=durations,
    complete=st.integers(-2, 40),
    known_at=st.sampled_from(["respect", "ignore"]),
)
def test_an_entity_is_asked_about_while_it_is_known(case, step, active, gap, horizon, complete, known_at):
    label = label_of(case, Count(), at=every(step), gap=gap, horizon=horizon, active_within=active)
    until = START + complete * HOUR
    found = population(case.row_table, label, until, known_at=known_at)
    active_ns = None if active is None else active.ns
    asked = oracle.asked(case.rows, case.keys, step=step.ns, until=until, active=active_ns, known_at=known_at)
    mature = [row for row in asked if row["cutoff"] + gap.ns + horizon.ns <= until]
    assert found.immature == len(asked) - len(mature)
    assert _with_instants(found.labels, case.keys) == mature
    expected = table(mature, {name: found.labels.schema.field(name).type for name in [*case.keys, "cutoff"]})
    assert found.labels.equals(expected)


def _with_instants(labels: pa.Table, keys: list[str]) -> list[oracle.Row]:
    unit = labels.schema.field("cutoff").type.unit
    instants = labels["cutoff"].cast(pa.int64()).to_pylist()
    rows = labels.select(keys).to_pylist()
    per_unit = {"us": 1_000, "ns": 1}[unit]
    return [{**row, "cutoff": t * per_unit} for row, t in zip(rows, instants, strict=True)]


def _weekly(rows: list[tuple[str, datetime]], complete_until: datetime, **times: Any) -> Any:
    instant = pa.timestamp("us", "UTC")
    table = pa.table(
        {
            "k": pa.array([k for k, _ in rows], pa.string()),
            "_event_time": pa.array([time for _, time in rows], instant),
            "_sequence": pa.array(range(len(rows)), pa.int64()),
        }
    )
    source = Source("s", reader=Files("x.csv"), schema={"k": "string"} | {"at": "timestamp"}, event_time="at")
    entity = Entity("e", keys={"k": "string"})
    label = Label("l", entity=entity, source=source, at=every("7d"), horizon="7d", outcome=Count(), **times)
    found = population(table, label, nanoseconds(complete_until))
    return [tuple(row.values()) for row in found.labels.to_pylist()], found.immature


MONDAY = datetime(2024, 3, 4, tzinfo=UTC)
WEEK = timedelta(days=7)


def test_cut_offs_are_mondays_by_time_and_then_keys():
    events = [("b", MONDAY - WEEK / 2), ("a", MONDAY), ("c", MONDAY + timedelta(seconds=1))]
    labels, immature = _weekly(events, MONDAY + 2 * WEEK)
    assert labels == [
        ("a", MONDAY),
        ("b", MONDAY),
        ("a", MONDAY + WEEK),
        ("b", MONDAY + WEEK),
        ("c", MONDAY + WEEK),
    ]
    assert immature == 3


def test_a_label_is_mature_at_the_moment_its_horizon_ends():
    assert _weekly([("a", MONDAY)], MONDAY + WEEK) == ([("a", MONDAY)], 1)
    assert _weekly([("a", MONDAY)], MONDAY + WEEK - timedelta(microseconds=1)) == ([], 1)


def test_an_entity_that_was_not_active_is_not_asked_about_until_it_is_again():
    events = [("a", MONDAY), ("a", MONDAY + 3 * WEEK)]
    labels, immature = _weekly(events, MONDAY + 9 * WEEK, active_within="8d")
    assert [t for _, t in labels] == [MONDAY, MONDAY + WEEK, MONDAY + 3 * WEEK, MONDAY + 4 * WEEK]
    assert immature == 0


def test_nobody_is_asked_about_before_anything_happened():
    assert _weekly([], MONDAY) == ([], 0)
    assert _weekly([("a", MONDAY)], MONDAY - WEEK) == ([], 0)
