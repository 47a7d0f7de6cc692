from __future__ import annotations

import json

import pyarrow as pa
import pytest

from asof.errors import DefinitionError
from asof.features.expectations import Expectation, between, expect, greater, matches, not_null, one_of
from asof.features.readers import Files
from asof.features.source import Source
from asof.features.types import Bool, Int64, String, Timestamp
from asof.transforms.validation.hold import hold

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
        (greater("n", "_sequence", on_fail="quarantine"), [11]),
        (
            expect(
                "expect_column_values_to_not_match_like_pattern",
                column="kind",
                like_pattern="_",
                on_fail="quarantine",
            ),
            [9],
        ),
    ],
    ids=lambda value: getattr(value, "kind", ""),
)
def test_rows_that_break_a_rule_are_set_aside(rule: Expectation, kept: list[int]) -> None:
    held = hold(ROWS, unchecked(rule), ROWS)
    assert held.rows["_sequence"].to_pylist() == kept
    assert sorted(kept + held.rejected["_sequence"].to_pylist()) == [7, 8, 9, 11]


def unchecked(rule: Expectation) -> Source:
    """A source with a rule that may also be of the columns that are Asof's own."""
    made = source()
    object.__setattr__(made, "expect", (rule,))
    return made


def test_a_rejected_row_tells_what_where_and_why() -> None:
    rules = [between("n", 1, on_fail="quarantine"), one_of("kind", ["b"], on_fail="quarantine")]
    [first, *_] = hold(ROWS, source(*rules), ROWS).rejected.to_pylist()
    assert json.loads(first["raw"]) == {
        "n": 0,
        "kind": "a",
        "gone": False,
        "at": "1970-01-01 00:00:00.000000Z",
    }
    assert first["reason"] == (
        "n: expect values to be between (min_value=1), got 0; "
        "kind: expect values to be in set (value_set=('b',)), got a"
    )
    assert (first["column"], first["_sequence"], first["origin"]) == ("n", 7, None)


def test_only_what_sets_rows_aside_is_held() -> None:
    rules = [between("n", 1, on_fail="warn"), not_null("n"), not_null("kind", on_fail="quarantine")]
    held = hold(ROWS, source(*rules), ROWS)
    assert held.rows["_sequence"].to_pylist() == [7, 8, 11]
    assert [(count.elements, count.unexpected) for count in held.rules] == [(4, 1)]


def test_retractions_are_exempt() -> None:
    held = hold(ROWS, source(between("n", 0, 10, on_fail="quarantine"), retracted=True), ROWS)
    assert held.rows["_sequence"].to_pylist() == [7, 8, 9, 11]
    assert [(count.elements, count.unexpected) for count in held.rules] == [(3, 0)]


def test_no_rows() -> None:
    held = hold(ROWS.slice(0, 0), source(not_null("n", on_fail="quarantine")), ROWS.slice(0, 0))
    assert (held.rows.num_rows, held.rejected.num_rows) == (0, 0)


@pytest.mark.parametrize("on_fail", ["fail", "quarantine", "warn"])
def test_a_rule_that_can_not_be_computed_is_found_without_rows(on_fail: str) -> None:
    nothing = ROWS.slice(0, 0)
    with pytest.raises(DefinitionError, match="ignore_row_if='all' is unknown"):
        hold(
            nothing,
            source(
                expect(
                    "expect_multicolumn_sum_to_equal",
                    column_list=["n"],
                    sum_total=1,
                    ignore_row_if="all",
                    on_fail=on_fail,
                )
            ),
            nothing,
        )
