"""Rows are sorted group by group, whatever order they come in."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asof.storage.ordering import Ints, grouped, sort_each

SHAPES = ["in order", "backwards", "any", "two runs", "nearly in order"]


def times_of(shape: str, size: int, random: np.random.Generator) -> Ints:
    times = np.sort(random.integers(0, max(size // 3, 1), size))
    match shape:
        case "backwards":
            return np.ascontiguousarray(times[::-1])
        case "any":
            return random.permutation(times)
        case "two runs":
            return np.concatenate([times[::2], times[1::2]])
        case "nearly in order":
            times[::40] = random.permutation(times[::40])
    return times


@pytest.mark.parametrize("shape", SHAPES)
@given(seed=st.integers(0, 2**32), size=st.integers(0, 400), groups=st.integers(1, 5))
def test_groups_are_sorted_by_all_three(shape: str, seed: int, size: int, groups: int) -> None:
    random = np.random.default_rng(seed)
    codes = random.integers(0, groups, size)
    times, known_from = times_of(shape, size, random), random.integers(0, 2, size)
    sequence = random.integers(0, 3, size)
    order, starts = grouped(codes, groups)
    sort_each(order, starts, times, known_from, sequence)
    wanted = np.lexsort([np.arange(size), sequence, known_from, times, codes])
    assert order.tolist() == wanted.tolist()
    assert starts.tolist() == [0, *np.cumsum(np.bincount(codes, minlength=groups))]
