"""How well a feature tells the outcome: right where that can be counted, and no alarm by chance."""

from __future__ import annotations

from itertools import product

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asof.transforms.leaks.bounds import DEVIATIONS, independent, lower_bound
from asof.transforms.leaks.prediction import auc, evidence, predictions

SUSPICIOUS = 0.95
scored = st.lists(
    st.tuples(st.one_of(st.integers(-3, 3).map(float), st.floats(-1e9, 1e9)), st.booleans()), min_size=1
)


@given(scored)
def test_auc_is_the_share_of_pairs_in_order(rows: list[tuple[float, bool]]) -> None:
    positives = [score for score, positive in rows if positive]
    others = [score for score, positive in rows if not positive]
    pairs = [(one > other) + (one == other) / 2 for one, other in product(positives, others)]
    expected = sum(pairs) / len(pairs) if pairs else 0.5
    scores, positive = (np.array(each) for each in zip(*rows, strict=True))
    assert auc(scores, positive) == pytest.approx(expected, abs=1e-12)


@given(st.floats(0, 1), st.integers(1, 10_000))
def test_a_lower_bound_is_where_the_share_is_just_so_many_deviations_off(share: float, count: int) -> None:
    bound = lower_bound(share, count)
    assert 0 <= bound <= share + 1e-12
    apart = DEVIATIONS * np.sqrt(bound * (1 - bound) / count)
    assert share - bound == pytest.approx(apart, abs=1e-9)


@given(st.lists(st.integers(1, 30), min_size=1, max_size=20))
def test_rows_that_belong_together_count_for_less(sizes: list[int]) -> None:
    groups = np.repeat(np.arange(len(sizes)), sizes)
    expected = sum(sizes) ** 2 / sum(size**2 for size in sizes)
    assert independent(groups) == pytest.approx(expected)
    assert independent(groups) <= len(sizes) + 1e-9


def test_rows_in_a_row_with_one_outcome_count_as_one() -> None:
    entities = np.array([1, 1, 1, 1, 2, 2, 3], np.uint64)
    times = np.array([4, 3, 2, 1, 1, 2, 1])
    positive = np.array([True, False, False, True, True, True, False])
    assert evidence(positive, entities, times) == independent(np.array([0, 0, 1]))


def weekly(rng: np.random.Generator, entities: int, weeks: int) -> tuple[np.ndarray, np.ndarray]:
    hashes = rng.integers(0, 2**63, entities).astype(np.uint64)
    return np.repeat(hashes, weeks), np.tile(np.arange(weeks), entities)


def outcomes(rng: np.random.Generator, kind: str, entities: int, weeks: int) -> np.ndarray:
    """Drawn for each row, for each entity once, or in spells."""
    if kind == "rows":
        return rng.random(entities * weeks) < rng.uniform(0.05, 0.95)
    if kind == "entities":
        return np.repeat(rng.random(entities) < rng.uniform(0.05, 0.95), weeks)
    turns = rng.random((entities, weeks)) < 0.2
    return (np.cumsum(turns, axis=1) % 2 == rng.integers(0, 2, (entities, 1))).ravel()


def innocent(rng: np.random.Generator, entities: int, weeks: int) -> pa.Table:
    """Features of every kind that know nothing of the outcome."""
    rows = entities * weeks
    static = np.repeat(rng.normal(size=entities), weeks)
    missing = np.repeat(rng.random(entities) < 0.3, weeks)
    return pa.table(
        {
            "noise": rng.normal(size=rows),
            "static": static,
            "half_missing": pa.array(static, mask=missing),
            "mostly_missing": pa.array(rng.normal(size=rows), mask=rng.random(rows) < 0.95),
            "name_of_its_own": [f"e{entity}" for entity in np.repeat(np.arange(entities), weeks)],
            "letter": rng.choice(list("abcdefgh"), rows).tolist(),
            "walk": np.cumsum(rng.normal(size=(entities, weeks)), axis=1).ravel(),
            "flag": rng.random(rows) < 0.5,
            "constant": np.ones(rows),
            "nothing": pa.nulls(rows, pa.float64()),
            "list": pa.array([[int(each)] for each in rng.integers(0, 3, rows)]),
            "place": np.arange(rows),
        }
    )


@pytest.mark.parametrize("kind", ["rows", "entities", "spells"])
@pytest.mark.parametrize("size", [(3, 2), (8, 1), (30, 1), (20, 50), (150, 4), (600, 1)])
def test_chance_is_no_suspicion(kind: str, size: tuple[int, int]) -> None:
    """Over many draws not one feature that knows nothing is suspicious."""
    for seed in range(40):
        rng = np.random.default_rng(seed)
        entities, times = weekly(rng, *size)
        positive = outcomes(rng, kind, *size)
        rows = innocent(rng, *size)
        found = predictions(rows, rows.column_names, positive, entities, times)
        worst = max(found, key=lambda name: found[name].bound)
        assert found[worst].bound < SUSPICIOUS - 0.1, (seed, worst, found[worst])


def test_what_tells_is_found() -> None:
    rng = np.random.default_rng(7)
    entities, times = weekly(rng, 400, 5)
    positive = outcomes(rng, "rows", 400, 5)
    noise = rng.normal(size=len(positive))
    rows = pa.table(
        {
            "same": positive,
            "opposite": ~positive,
            "score": positive * 8 + noise,
            "only_there": pa.array(noise, mask=~positive),
            "missing_there": pa.array(noise, mask=positive),
            "letter": np.where(positive, "x", rng.choice(["y", "z"], len(positive))).tolist(),
            "far_out": np.where(positive, np.sign(noise) * 5, 0) + noise * 0.1,
            "decimal": pa.array(np.where(positive, "1.50", "0.20").tolist()).cast(pa.decimal128(5, 2)),
            "time": pa.array(np.where(positive, 10**15, 0) + np.arange(len(positive))).cast(
                pa.timestamp("us", "UTC")
            ),
        }
    )
    found = predictions(rows, rows.column_names, positive, entities, times)
    assert {name for name, told in found.items() if told.bound < SUSPICIOUS} == set()


def test_a_good_feature_is_no_suspicion() -> None:
    rng = np.random.default_rng(3)
    entities, times = weekly(rng, 2_000, 5)
    positive = outcomes(rng, "rows", 2_000, 5)
    rows = pa.table({"good": positive * 2.0 + rng.normal(size=len(positive))})
    (told,) = predictions(rows, ["good"], positive, entities, times).values()
    assert 0.9 < told.auc < 0.95
    assert told.bound < SUSPICIOUS
