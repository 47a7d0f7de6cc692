"""What is kept of the rows of a training set to look for leaks: a bounded sample, however many there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from asof.storage.hashing import Words
from asof.transforms.draws import draws
from asof.transforms.leaks.drawn import Drawn, drawn, merged
from asof.transforms.splits import SPLIT, TEST

ROWS = 20_000
"""Rows of the sample; of wide training sets fewer."""
CELLS = 4_000_000
"""Values of the sample."""
PLACES = 100_000
"""Rows of which it is kept on which side of the split they are."""
SEED = 0


@dataclass(frozen=True)
class Evidence:
    """Of `rows` rows a sample with all columns, and where rows and vectors of features are.

    A place has the cut-off (ns since 1970, UTC) and whether it is in the `test`; its lot is a hash of
    the keys and cut-off, in `vectors` one of all features. Both are None where rows are not split, `vectors`
    also where the sides have no cut-off in common.
    """

    rows: int
    sample: Drawn
    places: Drawn | None
    vectors: Drawn | None


def evidence_of(
    rows: pa.Table, keys: Sequence[str], features: Sequence[str], *, vectors: bool, parts: int = 1
) -> Evidence:
    """The evidence of one of so many `parts` of a training set; `vectors`: of the features' vectors too."""
    lots = draws(rows, [*keys, "cutoff"], "leaks", SEED)
    split = SPLIT in rows.column_names
    return Evidence(
        rows.num_rows,
        drawn(rows, lots, _of_part(sample_rows(rows.num_columns), parts)),
        _places(rows, lots, parts) if split else None,
        _places(rows, draws(rows, features, "vector", SEED), parts) if split and vectors else None,
    )


def together(parts: Sequence[Evidence]) -> Evidence:
    """The evidence of all parts."""
    sample = merged([part.sample for part in parts], sample_rows(parts[0].sample.rows.num_columns - 1))
    places, vectors = (
        merged(found, PLACES) if (found := [of for of in each if of is not None]) else None
        for each in ([part.places for part in parts], [part.vectors for part in parts])
    )
    return Evidence(sum(part.rows for part in parts), sample, places, vectors)


def sample_rows(columns: int) -> int:
    """How many rows the sample has at most."""
    return min(ROWS, CELLS // columns)


def _of_part(most: int, parts: int) -> int:
    """How many rows of one part are enough: twice its share, for parts are not equally large."""
    return min(most, -(-2 * most // parts))


def _places(rows: pa.Table, lots: Words, parts: int) -> Drawn:
    times = rows["cutoff"].cast(pa.timestamp("ns", "UTC")).cast(pa.int64())
    places = pa.table({"cutoff": times, "test": pc.equal(rows[SPLIT], TEST)})
    return drawn(places, lots, _of_part(PLACES, parts))


def bools(column: pa.ChunkedArray) -> np.ndarray:
    """A column without nulls as NumPy's bools."""
    return np.asarray(column.to_numpy(), bool)
