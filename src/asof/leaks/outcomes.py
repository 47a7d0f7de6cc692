"""Leaks of the outcome: features that tell it too well, or that are what happened in its window."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from asof.leaks.case import Case
from asof.leaks.finding import Finding
from asof.leaks.reports import EXAMPLES, examples_at
from asof.transforms.leaks.codes import positive, present
from asof.transforms.leaks.origins import identified
from asof.transforms.leaks.outcome_window import a_window_earlier, agreements, what_happened
from asof.transforms.leaks.prediction import predictions

SUSPICIOUS = 0.95
"""The area under the ROC curve that a single feature does not honestly reach."""


def prediction(case: Case) -> Iterator[Finding]:
    """Features each of which alone tells the outcome suspiciously well."""
    label = case.job.wanted.label.name
    rows = case.rows.filter(case.rows[label].is_valid())
    if not rows.num_rows:
        return
    true, times = positive(rows[label]), rows["cutoff"].cast("int64").to_numpy()
    found = predictions(rows, case.features, true, identified(rows, case.keys), times)
    for name, told in found.items():
        if told.bound >= SUSPICIOUS:
            yield Finding(
                check="prediction",
                what=[name],
                why=f"alone tells {label!r} with an AUC of {told.auc:.3f}, at least {told.bound:.3f}",
                rows=rows.num_rows,
                of=rows.num_rows,
                examples=examples_at(
                    rows, [*case.keys, "cutoff", label, name], range(min(EXAMPLES, rows.num_rows))
                ),
                change="see where its values come from: most often they were written down after the outcome, "
                "and the source says too early a time; else leave it out",
            )


def outcome(case: Case) -> Iterator[Finding]:
    """Features that are what happened in the label's own window."""
    few, label = case.few, case.job.wanted.label
    known = present(few.rows[label.name])
    if not known.any():
        return
    rows, entities = few.rows.filter(known), few.entities[known]
    labels = rows.select([*case.keys, "cutoff"])
    ahead = what_happened(labels, few.label_rows, label)
    before = what_happened(a_window_earlier(labels, label), few.label_rows, label)
    for name, agreement in agreements(rows, case.features, ahead, before, entities).items():
        yield Finding(
            check="outcome",
            what=[name],
            why=f"is {agreement.what} of the label's own window, in {agreement.share:.1%} of the rows",
            rows=int(agreement.rows.sum()),
            of=rows.num_rows,
            examples=examples_at(
                rows,
                [*case.keys, "cutoff", label.name, name],
                np.flatnonzero(agreement.rows)[:EXAMPLES],
            ),
            change="its source says too early a time, as the start of a month for its total; give the time "
            "at which it was known as event_time= or created=",
        )
