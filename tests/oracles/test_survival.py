"""Intervals (start, stop] of R's survival package, from the raw histories of its patients.

Each interval ends at a change: a transplant, an infection, the end of follow-up. What held during it is
what a strict cut-off at its end sees: the last change before gives `start` and the status, the changes
before are counted; what a cut-off that is not strict sees besides happened at `stop`.

Of `cgd` the columns that only name what the raw file has as codes (center, treat, sex, ...) are not compared:
the names are not in the raw file. Nor is `random`, whose dates differ in the two files as published.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from tests.oracles.folder import read_csv

from asof.features.aggregates import Count, Sum
from asof.features.entity import Entity
from asof.features.readers import Files
from asof.features.source import Source
from asof.features.types import Float64, Int32, Int64, Timestamp
from asof.features.view import FeatureView
from asof.transforms.features_at import features_at

INSTANT = pa.timestamp("us", "UTC")
PATIENT = Entity("patient", keys={"id": Int32})
Change = dict[str, Any]


def test_transplants_split_follow_up():
    """`heart`: whether a transplant has been made, and whether the patient died at the interval's end."""
    changes = [change for id, row in enumerate(read_csv("r_jasa_raw.csv"), 1) for change in stay(id, row)]
    intervals = split(changes, ["age", "year", "surgery", "transplant"], Sum("death", name="deaths"))
    expected = [
        {name: float(value) for name, value in row.items()} for row in read_csv("r_heart_expected.csv")
    ]
    assert len(intervals) == len(expected) == 172
    for found, wanted in zip(intervals, expected, strict=True):
        found["event"] = found.pop("deaths") - found.pop("deaths_before")
        assert found == pytest.approx(wanted, rel=1e-12, abs=1e-12)


def stay(id: int, row: dict[str, str]) -> list[Change]:
    """What happened to a patient, in days, the day of acceptance being the first.

    A transplant on the last day counts as half a day earlier, as R has it.
    """
    accepted = date.fromisoformat(row["accept.dt"])
    fixed = {
        "id": id,
        "age": float(row["age"]) - 48,
        "year": (accepted - date(1967, 10, 1)).days / 365.25,
        "surgery": float(row["surgery"]),
        "transplant": 0.0,
        "death": 0,
    }
    changes = [{**fixed, "day": 0.0}]
    end = 1.0 + (date.fromisoformat(row["fu.date"]) - accepted).days
    if row["tx.date"]:
        made = 1.0 + (date.fromisoformat(row["tx.date"]) - accepted).days
        changes.append({**fixed, "day": made - (made == end) / 2, "transplant": 1.0})
    return [*changes, {**changes[-1], "day": end, "death": int(row["fustat"])}]


def test_infections_split_follow_up():
    """`cgd`: the number of the infection that is waited for, and whether it came."""
    raw = read_csv("r_cgd0_raw.csv")
    changes = [change for row in raw for change in infections(row)]
    intervals = split(changes, ["age", "height", "weight"], Sum("infection", name="infections"))
    expected = read_csv("r_cgd_expected.csv")
    assert len(intervals) == len(expected) == 203
    names = {"tstart": "start", "tstop": "stop"}
    for found, wanted in zip(intervals, expected, strict=True):
        before = found.pop("infections_before")
        found |= {"enum": 1 + before, "status": found.pop("infections") - before}
        compared = ["id", "age", "height", "weight", "tstart", "enum", "tstop", "status"]
        assert [found[names.get(name, name)] for name in compared] == [
            float(wanted[name]) for name in compared
        ]


def infections(row: dict[str, str]) -> list[Change]:
    fixed = {"id": int(row["id"])} | {name: float(row[name]) for name in ("age", "height", "weight")}
    times = [float(row[f"etime{i}"]) for i in range(1, 8) if row[f"etime{i}"]]
    end = (
        [{**fixed, "day": float(row["futime"]), "infection": 0}] if float(row["futime"]) not in times else []
    )
    return [
        {**fixed, "day": 0.0, "infection": 0},
        *({**fixed, "day": day, "infection": 1} for day in times),
        *end,
    ]


def split(changes: Sequence[Change], carried: Sequence[str], happened: Sum) -> list[dict[str, Any]]:
    """The intervals between changes of each patient: what held in them, and what happened at `stop`."""
    rows = table(changes)
    ends = pa.table({"id": rows["id"], "cutoff": rows["_event_time"], "stop": rows["day"]})
    during = seen(
        ends, rows, ["day", *carried, renamed(happened, f"{happened.name}_before"), Count()], strict=True
    )
    after = seen(ends, rows, [happened], strict=False)
    intervals = [
        {"id": end["id"], "stop": end["stop"]} | before | now
        for end, before, now in zip(ends.to_pylist(), during.to_pylist(), after.to_pylist(), strict=True)
    ]
    return [{"start": interval.pop("day")} | interval for interval in intervals if interval.pop("count")]


def renamed(sum: Sum, name: str) -> Sum:
    return Sum(sum.column or "", name=name)


def seen(labels: pa.Table, rows: pa.Table, features: Sequence[Any], *, strict: bool) -> pa.Table:
    types = {pa.float64(): Float64, pa.int64(): Int64, pa.int32(): Int32}
    columns = {field.name: types[field.type] for field in rows.schema if not field.name.startswith("_")}
    source = Source("changes", reader=Files("*.csv"), schema=columns | {"at": Timestamp}, event_time="at")
    view = FeatureView("history", entity=PATIENT, source=source, features=features)
    return features_at(labels, rows, view, view.columns({}), strict=strict)


def table(changes: Sequence[Change]) -> pa.Table:
    start = datetime(1970, 1, 1, tzinfo=UTC)
    columns = {name: [change[name] for change in changes] for name in changes[0]}
    rows = pa.table({name: pa.array(values) for name, values in columns.items()})
    rows = rows.set_column(0, "id", rows["id"].cast(pa.int32()))
    times = [start + timedelta(days=change["day"]) for change in changes]
    rows = rows.append_column("_event_time", pa.array(times, INSTANT))
    return rows.append_column("_sequence", pa.array(range(len(changes)), pa.int64()))
