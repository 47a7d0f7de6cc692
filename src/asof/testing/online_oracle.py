"""A slow, obvious online store, and the tables that stores are tried with."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from asof.storage.online.store import OnlineRow, OnlineStore, Published

VIEW = "spend"
NOW = datetime(2024, 1, 1, tzinfo=UTC)

_US, _NS = pa.timestamp("us", "UTC"), pa.timestamp("ns", "UTC")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_KEYS = st.integers(0, 4)
_MICROSECONDS = st.integers(0, 9)
_GIVEN = st.lists(st.tuples(_KEYS, _MICROSECONDS, st.none() | st.integers(0, 99)), max_size=8)

Given = tuple[Any, Any, Any]


def rows(*given: Given) -> pa.Table:
    """Rows of (key, event time in microseconds, value)."""
    keys, times, values = zip(*given, strict=True) if given else ((), (), ())
    return pa.table(
        {
            "id": pa.array(keys, None if given else pa.int64()),
            "_event_time": pa.array(times, pa.int64()).cast(_US),
            "value": pa.array(values, pa.int64()),
        }
    )


def stamped(count: int, stamp: int) -> pa.Table:
    """`count` rows with keys from 0 whose value is the stamp."""
    return rows(*((key, 0, stamp) for key in range(count)))


def at_nanosecond(time: int, value: int) -> pa.Table:
    """One row, of key 1, at nanoseconds since 1970."""
    return pa.table({"id": [1], "_event_time": pa.array([time], _NS), "value": [value]})


def of_every_type() -> pa.Table:
    """Rows with a composite key (shop, id), and a column of every plain type; not in key order."""
    return pa.table(
        {
            "shop": pa.array(["b", "a", "a", "a\0"]),
            "id": pa.array([1, -5, 5, 0], pa.int32()),
            "_event_time": pa.array([1, 2, 3, 4], _NS),
            "flag": pa.array([True, None, False, True]),
            "name": pa.array(["x", "", None, "é"]),
            "raw": pa.array([b"\0", None, b"", b"z"]),
            "day": pa.array([date(1, 1, 1), None, date(9999, 12, 31), None]),
            "at": pa.array([0, None, -1, 2**50], _US),
            "at_ns": pa.array([0, None, -1, 2**60], _NS),
            "price": pa.array(["1.50", None, "-3.25", "0.00"]).cast(pa.decimal128(10, 2)),
            "big": pa.array(["1", None, "-3", "0"]).cast(pa.decimal128(38, 3)),
            "ratio": pa.array([1.5, None, -2.5, 0.0], pa.float32()),
            "tiny": pa.array([1, None, -128, 127], pa.int8()),
        }
    )


def publish(store: OnlineStore, table: pa.Table, version: int = 1, as_of: datetime = NOW) -> Published:
    """Publish rows as the view that is tried."""
    return store.publish(VIEW, ["id"], table, version=version, as_of=as_of)


def values(store: OnlineStore, *keys: object) -> list[Any]:
    """The value of each key, None without one."""
    return [row and row.values[0] for row in store.read(VIEW, [(key,) for key in keys])]


class OnlineOracle:
    """What a store has, as a dict: event time, value, and whether it was upserted, by key."""

    def __init__(self) -> None:
        self.rows: dict[Any, tuple[Any, Any, bool]] = {}

    def publish(self, given: list[Given], as_of: int) -> None:
        """Of equal keys the newest counts; an upserted row stays where it is newer (P7)."""
        new: dict[Any, tuple[Any, Any, bool]] = {}
        for key, time, value in given:
            if key not in new or time >= new[key][0]:
                new[key] = (time, value, False)
        for key, old in self.rows.items():
            if old[2] and old[0] > (new[key][0] if key in new else as_of):
                new[key] = old
        self.rows = new

    def advance(self, given: list[Given]) -> None:
        """Rows of the table, which don't take the place of newer ones."""
        for key, time, value in given:
            if key not in self.rows or time >= self.rows[key][0]:
                self.rows[key] = (time, value, False)

    def upsert(self, given: list[Given]) -> tuple[int, int]:
        """Rows written, and rows that were older than those there."""
        written = 0
        for key, time, value in given:
            if key not in self.rows or time >= self.rows[key][0]:
                self.rows[key] = (time, value, True)
                written += 1
        return written, len(given) - written


def machine(open_store: Callable[[], OnlineStore]) -> type[RuleBasedStateMachine]:
    """The store beside the oracle, for hypothesis to run."""

    class Beside(RuleBasedStateMachine):
        @initialize()
        def open(self) -> None:
            self.oracle = OnlineOracle()
            self.store = open_store()
            self.store.drop(VIEW)
            publish(self.store, rows())

        @rule(given=_GIVEN, as_of=_MICROSECONDS)
        def publish(self, given: list[Given], as_of: int) -> None:
            self.oracle.publish(given, as_of)
            publish(self.store, rows(*given), as_of=_EPOCH + timedelta(microseconds=as_of))

        @rule(given=_GIVEN, as_of=_MICROSECONDS)
        def advance(self, given: list[Given], as_of: int) -> None:
            self.oracle.advance(given)
            moment = _EPOCH + timedelta(microseconds=as_of)
            done = self.store.advance(VIEW, rows(*given), version=2, as_of=moment)
            assert done == self.store.live(VIEW)

        @rule(given=_GIVEN)
        def upsert(self, given: list[Given]) -> None:
            assert self.store.upsert(VIEW, rows(*given)) == self.oracle.upsert(given)

        @rule()
        def open_again(self) -> None:
            self.store.close()
            self.store = open_store()

        @invariant()
        def reads_are_as_the_oracle(self) -> None:
            expected = [self.oracle.rows.get(key) for key in range(5)]
            found = self.store.read(VIEW, [(key,) for key in range(5)])
            assert found == [row and OnlineRow(row[0] * 1000, (row[1],)) for row in expected]
            assert self.store.scan(VIEW)["id"].to_pylist() == sorted(self.oracle.rows)

        def teardown(self) -> None:
            if hasattr(self, "store"):
                self.store.close()

    return Beside
