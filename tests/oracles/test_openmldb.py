"""OpenMLDB's cases of joins and windows: each is run and equal, or listed with the reason why not."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import pytest
from tests.oracles.folder import read_lines
from tests.oracles.openmldb_cases import case, read_cases
from tests.oracles.openmldb_doubts import doubt
from tests.oracles.openmldb_exceptions import BY_PLACE, EXCEPTIONS
from tests.oracles.openmldb_queries import answer
from tests.oracles.openmldb_sql import Inexpressible, read

CASES = read_cases(read_lines("openmldb_pit_cases.jsonl"))


def reasons(listed: dict[str, dict[str, str]]) -> dict[str, str]:
    """The reason for each case that is listed."""
    return {
        f"{file}#{number}": reason
        for reason, files in listed.items()
        for file, numbers in files.items()
        for number in numbers.split()
    }


LISTED = reasons(EXCEPTIONS)
LISTED_BY_PLACE = reasons(BY_PLACE)
COUNTING = [id for id, reason in LISTED.items() if reason == "a frame that counts rows"]


def test_every_case_is_run_or_listed():
    run = CASES.keys() - LISTED.keys()
    assert len(run) + _length(EXCEPTIONS) == 573
    assert LISTED.keys() <= CASES.keys()
    assert LISTED_BY_PLACE.keys() <= set(COUNTING)
    assert Counter(given["kind"] for given in CASES.values()) == {
        "last_join": 145,
        "window": 351,
        "window_union": 77,
    }


def _length(listed: dict[str, dict[str, str]]) -> int:
    return sum(len(numbers.split()) for files in listed.values() for numbers in files.values())


@pytest.mark.parametrize("id", [id for id in CASES if id not in LISTED])
def test_a_case_has_the_expected_rows(id):
    check(id)


@pytest.mark.parametrize("id", [id for id in CASES if id in LISTED])
def test_a_listed_case_has_what_its_reason_names(id):
    with pytest.raises(Inexpressible) as found:
        check(id)
    assert str(found.value) == LISTED[id]


@pytest.mark.parametrize("id", [id for id in CASES if id in COUNTING and id not in LISTED_BY_PLACE])
def test_a_frame_that_counts_rows_is_a_window_over_their_places(id):
    check(id, places=True)


@pytest.mark.parametrize("id", [id for id in CASES if id in LISTED_BY_PLACE])
def test_a_frame_that_is_no_window_over_places_either(id):
    with pytest.raises(Inexpressible) as found:
        check(id, places=True)
    assert str(found.value) == LISTED_BY_PLACE[id]


def check(id: str, *, places: bool = False) -> None:
    given = case(CASES[id])
    query = read(given.sql)
    found = answer(query, given.tables, requests=given.requests, places=places)
    doubt(given, query)
    assert given.expected is not None
    rows = list(zip(*found.to_pydict().values(), strict=True))
    left_over = matched(given.expected, rows)
    assert not left_over or query.limit is not None


def matched(expected: list[list[Any]], rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """What of `rows` is left over when each expected row has taken one that is the same."""
    rows = list(rows)
    for wanted in expected:
        found = [row for row in rows if len(row) == len(wanted) and all(map(same, wanted, row))]
        assert found, f"{wanted} is none of {rows}"
        rows.remove(found[0])
    return rows


def same(wanted: Any, found: Any) -> bool:
    """Equal; floats in the seven digits that all cases write."""
    if isinstance(found, float) and wanted is not None:
        return math.isclose(wanted, found, rel_tol=5e-7)
    return bool(wanted == found)
