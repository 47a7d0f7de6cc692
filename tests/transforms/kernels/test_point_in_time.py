"""P1: the one row that held at each cut-off."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.transforms.kernels.strategies import DURATIONS, START, VALUES, Case, cases, durations, table

from asof.errors import DataError, DefinitionError, NotFound
from asof.features.durations import Duration
from asof.testing import oracle
from asof.transforms.kernels.point_in_time import NO_ROW, attributes, latest
from asof.transforms.kernels.timeline import Timeline

UTC_US = pa.timestamp("us", "UTC")
ROW_TYPES = {"k": pa.int64(), "v": pa.string(), "_event_time": UTC_US, "_sequence": pa.int64()}


def found(
    labels: list[dict], rows: list[dict], types: dict | None = None, ttl: Duration | None = None, **rules
):
    """The `v` of the row that holds for each label; times are microseconds."""
    labels = [{**label, "cutoff": label["cutoff"] * 1_000} for label in labels]
    rows = [
        {**row, **{time: row[time] * 1_000 for time in row if time.startswith("_") and "seq" not in time}}
        for row in rows
    ]
    row_table = table(rows, types or ROW_TYPES)
    timeline = Timeline(table(labels, {"k": pa.int64(), "cutoff": UTC_US}), row_table, ["k"], **rules)
    return attributes(timeline, row_table, ["v"], ttl)["v"].to_pylist()


def row(v: str, e: int, *, sequence: int = 0, k: int | None = 1, **times: int) -> dict:
    return {"k": k, "v": v, "_event_time": e, "_sequence": sequence, **times}


@settings(max_examples=400)
@given(
    cases(),
    st.none() | durations,
    st.booleans(),
    st.sampled_from(["respect", "ignore"]),
)
def test_each_label_gets_the_row_that_the_rule_names(case: Case, ttl, strict, known_at):
    rules = {"strict": strict, "known_at": known_at}
    timeline = Timeline(case.label_table, case.row_table, case.keys, **rules)
    indices = latest(timeline, ttl).tolist()
    ttl_ns = None if ttl is None else ttl.ns
    expected = [oracle.held(label, case.rows, case.keys, ttl=ttl_ns, **rules) for label in case.labels]
    assert [None if i == NO_ROW else case.rows[i] for i in indices] == expected

    joined = attributes(timeline, case.row_table, list(VALUES), ttl)
    assert joined.select(list(VALUES)).to_pylist() == [
        {name: None if held is None else held[name] for name in VALUES} for held in expected
    ]
    assert joined.schema.field("_event_time").type == case.row_table.schema.field("_event_time").type


@settings(max_examples=30)
@given(cases(most_rows=80, most_labels=20), st.sampled_from([None, *DURATIONS]))
def test_many_revisions_and_late_rows(case: Case, ttl):
    rows = [dict(row, **dict.fromkeys(case.keys, None)) | _one_key(case) for row in case.rows]
    labels = [label | _one_key(case) for label in case.labels]
    types = {field.name: field.type for field in case.row_table.schema}
    row_table = table(rows, types)
    label_table = table(labels, {field.name: field.type for field in case.label_table.schema})
    indices = latest(Timeline(label_table, row_table, case.keys), ttl).tolist()
    ttl_ns = None if ttl is None else ttl.ns
    expected = [oracle.held(label, rows, case.keys, ttl=ttl_ns) for label in labels]
    assert [None if i == NO_ROW else rows[i] for i in indices] == expected


def _one_key(case: Case) -> dict:
    present = [row for row in [*case.rows, *case.labels] if all(row[k] is not None for k in case.keys)]
    return {key: present[0][key] if present else None for key in case.keys}


def test_ties_go_to_the_greatest_known_time_then_to_the_last_ingested():
    rows = [row("early", 5, sequence=2), row("last", 5, sequence=9), row("first", 5, sequence=0)]
    assert found([{"k": 1, "cutoff": 5}], rows) == ["last"]
    created = ROW_TYPES | {"_known_from": UTC_US}
    known = [row("newest", 5, sequence=0, _known_from=4), row("ingested last", 5, sequence=1, _known_from=3)]
    assert found([{"k": 1, "cutoff": 5}], known, created) == ["newest"]


def test_labels_come_back_in_their_order_with_duplicates():
    rows = [row("a", 1), row("b", 2, sequence=1)]
    labels = [{"k": 1, "cutoff": t} for t in (9, 1, 9, 0, 1)]
    assert found(labels, rows) == ["b", "a", "b", None, "a"]


def test_null_keys_match_nothing_not_each_other():
    assert found([{"k": None, "cutoff": 9}], [row("a", 1, k=None), row("b", 1)]) == [None]


def test_a_row_is_held_to_the_last_moment_of_its_ttl():
    ttl = Duration(10_000)
    assert found([{"k": 1, "cutoff": 15}, {"k": 1, "cutoff": 16}], [row("a", 5)], ttl=ttl) == ["a", None]


def test_strict_cut_offs_do_not_see_their_own_instant():
    rows = [row("before", 4), row("at", 5, sequence=1)]
    assert found([{"k": 1, "cutoff": 5}], rows) == ["at"]
    assert found([{"k": 1, "cutoff": 5}], rows, strict=True) == ["before"]


def test_a_row_is_not_seen_before_it_is_known_unless_that_is_ignored():
    created = ROW_TYPES | {"_known_from": UTC_US}
    rows = [row("old", 1, _known_from=1), row("late", 4, sequence=1, _known_from=8)]
    labels = [{"k": 1, "cutoff": 7}, {"k": 1, "cutoff": 8}]
    assert found(labels, rows, created) == ["old", "late"]
    assert found(labels, rows, created, known_at="ignore") == ["late", "late"]


def test_only_the_revision_of_the_moment_counts():
    revised = ROW_TYPES | {"_known_from": UTC_US, "_known_until": UTC_US}
    facts = [
        row("as first told", 4, sequence=0, fact=1, gone=False, _known_from=4),
        row("moved back", 2, sequence=1, fact=1, gone=False, _known_from=6),
        row("", 2, sequence=2, fact=1, gone=True, _known_from=8),
        row("another", 1, sequence=3, fact=2, gone=False, _known_from=1),
    ]
    rows = oracle.revised(facts, ["fact"], "gone")
    for kept in rows:
        kept["_known_until"] = kept["_known_until"] or 10**9
    labels = [{"k": 1, "cutoff": t} for t in (5, 6, 7, 8)]
    assert found(labels, rows, revised) == ["as first told", "moved back", "moved back", "another"]


def test_cut_offs_of_another_zone_are_the_instants_they_name():
    paris = ZoneInfo("Europe/Paris")
    second_half_past_two = datetime(2024, 10, 27, 2, 30, tzinfo=paris, fold=1)
    first_half_past_two = datetime(2024, 10, 27, 2, 30, tzinfo=paris, fold=0)
    between = pa.array([datetime(2024, 10, 27, 1, tzinfo=ZoneInfo("UTC"))], UTC_US)
    rows = pa.table({"k": [1], "v": ["a"], "_event_time": between, "_sequence": [0]})
    cutoffs = pa.array([first_half_past_two, second_half_past_two], pa.timestamp("us", "Europe/Paris"))
    timeline = Timeline(pa.table({"k": [1, 1], "cutoff": cutoffs}), rows, ["k"])
    assert latest(timeline).tolist() == [NO_ROW, 0]


def test_nanoseconds_tell_apart_what_microseconds_do_not():
    rows = table(
        [{"k": 1, "_event_time": START + ns, "_sequence": ns} for ns in (1, 2, 3)],
        {"k": pa.int64(), "_event_time": pa.timestamp("ns", "UTC"), "_sequence": pa.int64()},
    )
    ns_labels = table([{"k": 1, "cutoff": START + 2}], {"k": pa.int64(), "cutoff": pa.timestamp("ns", "UTC")})
    us_labels = table([{"k": 1, "cutoff": START + 1_000}], {"k": pa.int64(), "cutoff": UTC_US})
    assert latest(Timeline(ns_labels, rows, ["k"])).tolist() == [1]
    assert latest(Timeline(us_labels, rows, ["k"])).tolist() == [2]
    assert latest(Timeline(ns_labels, rows, ["k"]), Duration(0)).tolist() == [1]


def test_a_ttl_that_reaches_before_all_time_holds_everything():
    rows = table(
        [{"k": 1, "_event_time": 5_000, "_sequence": 0}],
        {name: ROW_TYPES[name] for name in ROW_TYPES if name != "v"},
    )
    labels = table([{"k": 1, "cutoff": 6_000}], {"k": pa.int64(), "cutoff": UTC_US})
    assert latest(Timeline(labels, rows, ["k"]), Duration(2**80)).tolist() == [0]


class TestWhatCannotBeJoined:
    rows = table([row("a", 1)], ROW_TYPES)

    def join(self, labels: pa.Table, rows: pa.Table | None = None, **rules: str) -> Timeline:
        return Timeline(labels, self.rows if rows is None else rows, ["k"], **rules)

    def test_a_cut_off_without_a_zone(self):
        naive = pa.table({"k": [1], "cutoff": pa.array([1], pa.timestamp("us"))})
        with pytest.raises(DataError, match=r"'cutoff' is timestamp\[us\], not .*assume_timezone"):
            self.join(naive)

    def test_a_cut_off_that_is_no_time(self):
        with pytest.raises(DataError, match="'cutoff' is string"):
            self.join(pa.table({"k": [1], "cutoff": ["2024-01-01"]}))

    def test_an_absent_cut_off(self):
        with pytest.raises(DataError, match="'cutoff' has no time in 1 of 2 rows"):
            self.join(pa.table({"k": [1, 1], "cutoff": pa.array([1, None], UTC_US)}))

    def test_a_time_that_nanoseconds_do_not_reach(self):
        labels = pa.table({"k": [1], "cutoff": pa.array([1], pa.timestamp("ns", "UTC"))})
        rows = self.rows.set_column(2, "_event_time", pa.array([2**60], UTC_US))
        with pytest.raises(DataError, match=r"'_event_time' .* does not fit a timestamp in ns"):
            self.join(labels, rows)

    def test_keys_of_two_types(self):
        with pytest.raises(DataError, match="key 'k' is int64 here and string there"):
            self.join(pa.table({"k": ["1"], "cutoff": pa.array([1], UTC_US)}))

    def test_a_key_that_is_not_there(self):
        with pytest.raises(NotFound, match="no key column 'k'"):
            self.join(pa.table({"key": [1], "cutoff": pa.array([1], UTC_US)}))

    def test_an_unknown_rule(self):
        with pytest.raises(DefinitionError, match="known_at 'ignored': did you mean 'ignore'"):
            self.join(pa.table({"k": [1], "cutoff": pa.array([1], UTC_US)}), known_at="ignored")


class TestOneKeyWithAHistoryThatIsHidden:
    """Many rows, none of which most labels see: what steps over them one by one takes hours."""

    SIZE = 200_000

    def times(self, values) -> pa.Array:
        return pa.array(np.asarray(values, np.int64)).cast(UTC_US)

    def found(self, event, known_from, known_until, cutoffs, **rules) -> list[int]:
        rows = pa.table(
            {
                "k": np.zeros(len(event), np.int64),
                "_event_time": self.times(event),
                "_known_from": self.times(known_from),
                "_known_until": self.times(known_until),
                "_sequence": np.arange(len(event)),
            }
        )
        labels = pa.table({"k": np.zeros(len(cutoffs), np.int64), "cutoff": self.times(cutoffs)})
        return latest(Timeline(labels, rows, ["k"], **rules)).tolist()

    def test_by_turns_revised_and_not_known_yet(self):
        n = np.arange(self.SIZE)
        later, never = np.where(n % 2, 10**9, n), 10**12
        until = np.where(n % 2, never, n + 1)
        until[0] = never
        cutoffs = np.concatenate([self.SIZE + n, [10**9, 1]])
        assert self.found(n, later, until, cutoffs) == [0] * self.SIZE + [self.SIZE - 1, 0]

    def test_until_all_become_known_at_once(self):
        n = np.arange(self.SIZE)
        known, until = np.full_like(n, 10**9), np.full_like(n, 10**9 + 1)
        cutoffs = np.concatenate([self.SIZE + n, [10**9, 10**9 + 1]])
        assert self.found(n, known, until, cutoffs) == [NO_ROW] * self.SIZE + [self.SIZE - 1, NO_ROW]

    @given(
        st.lists(st.tuples(*[st.integers(0, 400)] * 3), min_size=150, max_size=300),
        st.lists(st.integers(0, 450), max_size=20),
        st.booleans(),
    )
    @settings(max_examples=50)
    def test_the_rule_still_names_the_row(self, rows, cutoffs, strict):
        rows.sort(key=lambda row: row[:2])
        event, delay, span = (np.array(column) for column in zip(*rows, strict=True))
        since = event + delay
        until = since + span
        rule = [
            {"k": 1, "_event_time": e, "_known_from": s, "_known_until": u, "_sequence": i, "row": i}
            for i, (e, s, u) in enumerate(zip(event.tolist(), since.tolist(), until.tolist(), strict=True))
        ]
        held = [oracle.held({"k": 1, "cutoff": t}, rule, ["k"], strict=strict) for t in cutoffs]
        expected = [NO_ROW if row is None else row["row"] for row in held]
        order = sorted(range(len(rows)), key=lambda i: (event[i], since[i], i))
        assert order == sorted(order)
        assert self.found(event, since, until, cutoffs, strict=strict) == expected
