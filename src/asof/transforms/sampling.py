"""Drawing a sample of the rows for training."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from asof.features.sampling import Balance, Sample
from asof.transforms.draws import shares
from asof.transforms.splits import SPLIT, TEST, WEIGHT

Outcomes = Counter[bool]


def sampled(rows: pa.Table, sample: Sample, label: str, keys: Sequence[str]) -> pa.Table:
    """The rows that are kept, with a column `weight` (float64); those for the test all with weight 1.

    Whether a row is kept depends on no other row.
    """
    share = _share_of_each(rows, sample, label)
    kept = shares(rows, [*keys, "cutoff"], "sample", sample.seed) < share
    return rows.append_column(WEIGHT, pa.array(1 / share)).filter(pa.array(kept))


def outcomes_for_training(rows: pa.Table, label: str) -> Outcomes:
    """How many of the rows for training have which outcome."""
    counted = pc.value_counts(rows.filter(pa.array(~_for_test(rows)))[label].combine_chunks())
    return Counter(
        {each["values"]: each["counts"] for each in counted.to_pylist() if each["values"] is not None}
    )


def balanced(rule: Balance, outcomes: Outcomes) -> Sample:
    """The sample by which about as many of either outcome are kept; of one outcome alone all are."""
    positives, negatives = outcomes[True], outcomes[False]
    fewer = min(positives, negatives)
    if not fewer:
        return Sample(seed=rule.seed)
    return Sample(positives=fewer / positives, negatives=fewer / negatives, seed=rule.seed)


def _share_of_each(rows: pa.Table, sample: Sample, label: str) -> npt.NDArray[np.float64]:
    if sample.by_outcome:
        of_outcome = pc.if_else(rows[label], sample.positives, sample.negatives)
        share = pc.fill_null(of_outcome, 1.0).to_numpy()
    else:
        share = np.full(rows.num_rows, sample.positives)
    return np.where(_for_test(rows), 1.0, share)


def _for_test(rows: pa.Table) -> npt.NDArray[np.bool_]:
    if SPLIT not in rows.column_names:
        return np.zeros(rows.num_rows, bool)
    return pc.equal(rows[SPLIT], TEST).to_numpy()
