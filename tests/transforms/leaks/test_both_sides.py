"""What is on both sides of a split, and what only seems so."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asof.transforms.draws import draws
from asof.transforms.leaks.both_sides import duplicates, on_both_sides
from asof.transforms.leaks.drawn import Drawn, drawn
from asof.transforms.leaks.reaching_over import reaching_over

WEEK = 7 * 86_400 * 10**9

place = st.tuples(st.integers(0, 5), st.integers(0, 4), st.booleans())


def places(rows: list[tuple[int, int, bool]], most: int = 1_000_000) -> Drawn:
    """Rows given by what they are (an entity or a vector), their week, and whether they are for the test."""
    values = pa.table({"value": pa.array([value for value, _, _ in rows], pa.int64())})
    table = pa.table(
        {
            "cutoff": pa.array([week * WEEK for _, week, _ in rows], pa.int64()),
            "test": pa.array([test for _, _, test in rows], pa.bool_()),
        }
    )
    return drawn(table, draws(values, ["value"], "test"), most)


@given(st.lists(place, min_size=1))
def test_twins_are_those_with_an_equal_on_the_other_side(rows: list[tuple[int, int, bool]]) -> None:
    trained = {(value, week) for value, week, test in rows if not test}
    tested = [(value, week) for value, week, test in rows if test]
    found = on_both_sides(places(rows))
    assert (found.rows, found.of) == (sum(each in trained for each in tested), len(tested))


@given(st.lists(place, min_size=1), st.integers(1, 60))
def test_labels_that_reach_over(rows: list[tuple[int, int, bool]], days: int) -> None:
    ahead = days * WEEK // 7
    first = min((week * WEEK for _, week, test in rows if test), default=None)
    over, told = reaching_over(places(rows), ahead)
    expected = [not test and first is not None and week * WEEK + ahead > first for _, week, test in rows]
    assert over.tolist() == expected
    assert first is None or told == first


def population(rng: np.random.Generator, kinds: int, entities: int = 400, weeks: int = 10) -> np.ndarray:
    """Vectors of entities by week: some kinds are common; an entity keeps its kind for a while."""
    weights = rng.dirichlet(np.full(kinds, 0.3))
    drawn_anew = rng.choice(kinds, (entities, weeks), p=weights)
    found = drawn_anew.copy()
    for week in range(1, weeks):
        stays = rng.random(entities) < 0.6
        found[stays, week] = found[stays, week - 1]
    return found


def rows_of(vectors: np.ndarray, test: np.ndarray) -> list[tuple[int, int, bool]]:
    entities, weeks = vectors.shape
    return [
        (int(vectors[entity, week]), week, bool(test[entity]))
        for entity in range(entities)
        for week in range(weeks)
    ]


@pytest.mark.parametrize("kinds", [1, 3, 30, 1_000, 100_000])
def test_entities_that_are_alike_by_chance(kinds: int) -> None:
    for seed in range(30):
        rng = np.random.default_rng(seed)
        vectors, test = population(rng, kinds), rng.random(400) < 0.3
        assert duplicates(places(rows_of(vectors, test))).rows == 0, seed


@pytest.mark.parametrize("share", [0.2, 0.5, 1.0])
@pytest.mark.parametrize("most", [1_000_000, 2_000])
def test_entities_that_are_there_twice(share: float, most: int) -> None:
    rng = np.random.default_rng(1)
    vectors = population(rng, 100_000)
    twice = np.concatenate([vectors, vectors[: int(400 * share)]])
    test = rng.random(len(twice)) < 0.3
    found = duplicates(places(rows_of(twice, test), most))
    assert found.rows > 0
    assert found.rows <= found.of


def test_one_cutoff_tells_nothing() -> None:
    assert duplicates(places([(1, 1, True), (1, 1, False)] * 50)).rows == 0
