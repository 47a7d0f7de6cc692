"""Which values of two tables are not the same."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from asof.transforms.draws import draws

Mask = npt.NDArray[np.bool_]


def changed(one: pa.Table, other: pa.Table, columns: Sequence[str]) -> dict[str, Mask]:
    """For each column that differs, in which rows; null is the same as null, and 0.0 as -0.0."""
    found = {name: draws(one, [name], "value") != draws(other, [name], "value") for name in columns}
    return {name: rows for name, rows in found.items() if rows.any()}
