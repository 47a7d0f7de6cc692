"""Features that are what happened in the label's window, and honest ones that look like it."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from asof.transforms.leaks.outcome_window import agreements


def series(rng: np.random.Generator, entities: int, weeks: int, stays: float) -> np.ndarray:
    """Amounts by week, with spells of nothing; each is the one before with the chance `stays`."""
    found = np.where(rng.random((entities, weeks)) < 0.5, 0, rng.integers(1, 20, (entities, weeks)))
    for week in range(1, weeks):
        same = rng.random(entities) < stays
        found[same, week] = found[same, week - 1]
    return found


@pytest.mark.parametrize("stays", [0.0, 0.5, 0.95, 1.0])
def test_only_what_lies_ahead_is_found(stays: float) -> None:
    for seed in range(20):
        rng = np.random.default_rng(seed)
        amounts = series(rng, 200, 12, stays)
        before, ahead = amounts[:, 1:-1].ravel(), amounts[:, 2:].ravel()
        earlier = amounts[:, :-2].ravel()
        entities = np.repeat(rng.integers(0, 2**62, 200).astype(np.uint64), 10)
        rows = pa.table(
            {
                "ahead": ahead.astype(float),
                "before": before.astype(float),
                "earlier": earlier,
                "noise": rng.integers(0, 20, len(ahead)),
                "nothing": np.zeros(len(ahead)),
                "text": before.astype(str).tolist(),
                "has_before": before > 0,
                "has_ahead": ahead > 0,
                "has_none_ahead": ahead == 0,
            }
        )
        found = agreements(
            rows,
            rows.column_names,
            pa.table({"sum": ahead, "quiet": ahead == 0}),
            pa.table({"sum": before, "quiet": before == 0}),
            entities,
        )
        expected = {"ahead", "has_ahead", "has_none_ahead"} if stays < 0.9 else set()
        assert expected <= set(found) <= {"ahead", "has_ahead", "has_none_ahead"}, (seed, set(found))
        assert all(agreement.rows.all() for agreement in found.values())


def test_nulls_are_values() -> None:
    rng = np.random.default_rng(1)
    ahead = pa.array(rng.integers(1, 9, 2_000).astype(float), mask=rng.random(2_000) < 0.5)
    before = pa.array(rng.integers(1, 9, 2_000).astype(float), mask=rng.random(2_000) < 0.5)
    rows = pa.table({"same": ahead, "filled": ahead.fill_null(0.0)})
    entities = rng.integers(0, 2**62, 2_000).astype(np.uint64)
    found = agreements(rows, ["same", "filled"], pa.table({"x": ahead}), pa.table({"x": before}), entities)
    assert set(found) == {"same"}
