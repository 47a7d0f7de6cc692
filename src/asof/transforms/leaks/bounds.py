"""How sure a share is, when rows that belong together count as one."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

DEVIATIONS = 3.0
"""Standard deviations of a bound: chance goes beyond it about once in 700 times."""


def lower_bound(share: float, count: float) -> float:
    """The least that a share of `count` independent rows may really be (Wilson 1927).

    >>> lower_bound(1.0, 100) < 0.92 < lower_bound(1.0, 1000)
    True
    >>> lower_bound(1.0, 0)
    0.0
    """
    if count <= 0:
        return 0.0
    squared = DEVIATIONS**2 / count
    middle = share + squared / 2
    apart = math.sqrt(squared * (share * (1 - share) + squared / 4))
    return max(middle - apart, 0.0) / (1 + squared)


def independent(groups: npt.NDArray[np.int64]) -> float:
    """How many independent rows those are worth that are given by their group (Kish 1965).

    >>> independent(np.array([1, 2, 3])), independent(np.array([7, 7, 7]))
    (3.0, 1.0)
    """
    _, sizes = np.unique(groups, return_counts=True)
    return float(sizes.sum() ** 2 / (sizes.astype(np.float64) ** 2).sum()) if len(sizes) else 0.0
