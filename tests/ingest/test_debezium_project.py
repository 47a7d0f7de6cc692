"""What was known when: projects that read change streams, against a plain database that is asked the same."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.ingest.change_history import Change, Row, held, history
from tests.ingest.kafka_cluster import new_topic, send

from asof.project import Project

START = datetime(2024, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
DEFINITIONS = """
from asof import *

customer = Entity("customer", keys={{"customer": Int64}})
orders = Source(
    "orders",
    reader=Debezium({reader}, known_at="changed_at", deleted="deleted", time_unit="ms"),
    schema={{
        "id": Int64, "customer": Int64, "amount": Int64, "ordered_at": Timestamp,
        "changed_at": Timestamp, "deleted": Bool,
    }},
    event_time="ordered_at",
    created="changed_at",
    identity=["id"],
    retracted="deleted",
)
spend = FeatureView(
    "spend",
    entity=customer,
    source=orders,
    features=["amount", Count(over="100d", name="n"), Sum("amount", over="100d", name="total")],
)
model = FeatureService("model", features=[spend])
"""
NAMES = {"spend__amount": "last", "spend__n_100d": "count", "spend__total_100d": "sum"}


def make_project(folder: Path, reader: str) -> None:
    (folder / "asof.toml").write_text('definitions = "definitions.py"\n')
    (folder / "definitions.py").write_text(DEFINITIONS.format(reader=reader))
    with Project.open(str(folder)) as project:
        project.apply()


def milliseconds(time: datetime) -> int:
    return round(time.timestamp() * 1000)


def asked(project: Project, labels: Sequence[tuple[int, datetime]]) -> list[Row]:
    """What the project says of each customer at each moment."""
    table = pa.table(
        {"customer": [customer for customer, _ in labels], "cutoff": [cutoff for _, cutoff in labels]},
        schema=pa.schema([("customer", pa.int64()), ("cutoff", pa.timestamp("us", "UTC"))]),
    )
    found = project.get_historical("model", table)
    return [{short: row[name] for name, short in NAMES.items()} for row in found.to_pylist()]


def expected(changes: Sequence[Change], customer: int, cutoff: datetime) -> Row:
    """What the database held of a customer at a moment, of what had happened until then."""
    rows = [
        row
        for row in held(changes, milliseconds(cutoff))
        if row["customer"] == customer and row["ordered_at"] <= milliseconds(cutoff)
    ]
    rows.sort(key=lambda row: row["ordered_at"])
    return {
        "last": rows[-1]["amount"] if rows else None,
        "count": len(rows),
        "sum": sum(row["amount"] for row in rows) if rows else None,
    }


def labels_of(changes: Sequence[Change]) -> list[tuple[int, datetime]]:
    """Both customers, before, at and between all changes."""
    times = {START + timedelta(milliseconds=change.at - milliseconds(START)) for change in changes}
    moments = {time + step for time in times for step in (-MINUTE / 2, timedelta(0), MINUTE / 2)}
    return [(customer, moment) for customer in (1, 2) for moment in sorted(moments)]


def check(project: Project, changes: Sequence[Change]) -> None:
    labels = labels_of(changes)
    assert asked(project, labels) == [expected(changes, *label) for label in labels]


@st.composite
def edits(draw: st.DrawFn, distinct: bool = False) -> list[tuple[int, int, Row | None]]:
    """Rows that come, change and go, several at one moment unless `distinct`; no two of one event time."""
    found: list[tuple[int, int, Row | None]] = []
    minute = 0
    for number in range(draw(st.integers(1, 12))):
        minute += draw(st.integers(1 if distinct else 0, 2))
        id = draw(st.integers(1, 3))
        ordered = START + draw(st.integers(-5, 20)) * MINUTE + number * timedelta(seconds=1)
        row = {
            "customer": draw(st.integers(1, 2)),
            "amount": draw(st.integers(1, 9)),
            "ordered_at": milliseconds(ordered),
        }
        gone = draw(st.integers(0, 3)) == 0
        found.append((milliseconds(START + minute * MINUTE), id, None if gone else row))
    return found


@st.composite
def delivered(draw: st.DrawFn, count: int) -> list[int]:
    """The order in which events come: as they are, but now and then once more from an earlier one on."""
    order: list[int] = []
    place = 0
    for _ in range(draw(st.integers(0, 3))):
        stop = draw(st.integers(place, count))
        order += range(place, stop)
        place = draw(st.integers(0, stop))
    return [*order, *range(place, count)]


def run_in_parts(folder: Path, events: Sequence[str], cuts: Sequence[int]) -> None:
    """Each part comes as a file of its own, and is taken in by a run of its own."""
    bounds = [0, *sorted(cuts), len(events)]
    for number, (start, end) in enumerate(pairwise(bounds)):
        (folder / f"{number:03}.jsonl").write_text("".join(f"{event}\n" for event in events[start:end]))
        with Project.open(str(folder)) as project:
            project.run()


def check_parts(changes: Sequence[Change], order: Sequence[int], cuts: Sequence[int]) -> None:
    with TemporaryDirectory() as name:
        make_project(Path(name), 'Files("*.jsonl")')
        run_in_parts(Path(name), [changes[place].event() for place in order], cuts)
        with Project.open(name) as project:
            check(project, changes)


@pytest.mark.slow
@settings(max_examples=15)
@given(data=st.data())
def test_an_earlier_cut_off_sees_what_was_known_then(data: st.DataObject) -> None:
    """Changes at one moment, delivered at least once, in any number of runs."""
    changes = history(data.draw(edits()))
    order = data.draw(delivered(len(changes)))
    cuts = data.draw(st.lists(st.integers(0, len(order)), max_size=2))
    if changes:
        check_parts(changes, order, cuts)


@pytest.mark.slow
@settings(max_examples=15)
@given(data=st.data())
def test_changes_of_different_moments_may_come_in_any_order(data: st.DataObject) -> None:
    changes = history(data.draw(edits(distinct=True)))
    order = data.draw(st.permutations([*range(len(changes)), *range(0, len(changes), 2)]))
    cuts = data.draw(st.lists(st.integers(0, len(order)), max_size=2))
    if changes:
        check_parts(changes, order, cuts)


def test_from_a_topic(brokers: str, tmp_path: Path) -> None:
    def at(minutes: int) -> int:
        return milliseconds(START + minutes * MINUTE)

    row = {"customer": 1, "amount": 5, "ordered_at": at(0)}
    changes = history(
        [
            (at(1), 1, row),
            (at(2), 2, row | {"ordered_at": at(1)}),
            (at(3), 1, row | {"amount": 7}),
            (at(4), 2, None),
            (at(5), 1, row | {"customer": 2}),
        ]
    )
    topic = new_topic()
    make_project(tmp_path, f'Kafka("{brokers}", topic="{topic}")')
    messages: list[tuple[str, str | None, int]] = []
    for change in changes:
        id = (change.after or change.before or {})["id"]
        messages.append((json.dumps({"id": id}), change.event(), id % 4))
        if change.after is None:
            messages.append((json.dumps({"id": id}), None, id % 4))
    for start in range(0, len(messages), 2):
        send(brokers, topic, messages[start : start + 2])
        with Project.open(str(tmp_path)) as project:
            project.run()
    with Project.open(str(tmp_path)) as project:
        check(project, changes)
        assert project.workspace.read("raw/orders").num_rows == len(changes)
