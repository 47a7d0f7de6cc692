from __future__ import annotations

import json

import pyarrow as pa
import pytest

from asof.errors import DataError
from asof.features.expectations import Expectation, between, matches, not_null, one_of
from asof.features.readers import Files
from asof.features.source import Source
from asof.features.types import Bool, Int64, String, Timestamp
from asof.transforms.cleaning.expectations import hold

ROWS = pa.table(
    {
        "n": [0, 5, None, 50],
        "kind": ["a", "b", None, "z"],
        "gone": [False, False, False, True],
        "at": pa.array([0] * 4, pa.timestamp("us", "UTC")),
        "_sequence": [7, 8, 9, 11],
    }
)


def source(*rules: Expectation, retracted: bool = False) -> Source:
    return Source(
        "orders",
        reader=Files("orders.csv"),
        schema={"n": Int64, "kind": String, "gone": Bool, "at": Timestamp},
        event_time="at",
        created="at",
        identity=["n"] if retracted else [],
        retracted="gone" if retracted else None,
        expect=rules,
    )


@pytest.mark.parametrize(
    ("rule", "kept"),
    [
        (not_null("n", on_fail="quarantine"), [7, 8, 11]),
        (between("n", 1, 10, on_fail="quarantine"), [8, 9]),
        (between("n", low=1, on_fail="quarantine"), [8, 9, 11]),
        (one_of("kind", ["a", "b"], on_fail="quarantine"), [7, 8, 9]),
        (matches("kind", "^[ab]$", on_fail="quarantine"), [7, 8, 9]),
    ],
    ids=lambda value: getattr(value, "kind", ""),
)
def test_rows_that_break_a_rule_are_set_aside(rule: Expectation, kept: list[int]) -> None:
    held = hold(ROWS, source(rule), ROWS)
    assert held.rows["_sequence"].to_pylist() == kept
    assert sorted(kept + held.rejected["_sequence"].to_pylist()) == [7, 8, 9, 11]


def test_a_rejected_row_tells_what_where_and_why() -> None:
    rules = [between("n", 1, on_fail="quarantine"), one_of("kind", ["b"], on_fail="quarantine")]
    [first, *_] = hold(ROWS, source(*rules), ROWS).rejected.to_pylist()
    assert json.loads(first["raw"]) == {
        "n": 0,
        "kind": "a",
        "gone": False,
        "at": "1970-01-01 00:00:00.000000Z",
    }
    assert first["reason"] == "n: expect (n >= 1), got 0; kind: expect (kind in ('b')), got a"
    assert (first["column"], first["_sequence"], first["origin"]) == ("n", 7, None)


def test_a_warning_is_counted_and_the_row_stays() -> None:
    held = hold(ROWS, source(between("n", 1, on_fail="warn")), ROWS)
    assert held.rows.num_rows == 4
    assert [(rule.rows, rule.broken, rule.on_fail) for rule in held.rules] == [(4, 1, "warn")]


def test_a_rule_that_must_hold_stops_with_an_example() -> None:
    with pytest.raises(DataError, match=r"'orders': n: expect .* broken by 1 row\nFirst at _sequence 9"):
        hold(ROWS, source(not_null("n")), ROWS)


def test_retractions_are_exempt() -> None:
    held = hold(ROWS, source(between("n", 0, 10), retracted=True), ROWS)
    assert held.rows["_sequence"].to_pylist() == [7, 8, 9, 11]


def test_no_rows() -> None:
    held = hold(ROWS.slice(0, 0), source(not_null("n")), ROWS.slice(0, 0))
    assert (held.rows.num_rows, held.rejected.num_rows) == (0, 0)
