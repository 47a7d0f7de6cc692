"""The label of a training set over time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from asof.training_sets.data import TrainingData
from asof.transforms.sketches.places import is_number

_UNITS = (("day", 1), ("week", 7), ("month", 31), ("year", 366))
_MOST = 40  # periods


@dataclass(frozen=True)
class Period:
    """The rows with cut-offs in a day, week, month or year from `start` on (UTC), and their mean label."""

    start: datetime
    rows: int
    label: float | None


def label_over_time(data: TrainingData) -> list[Period]:
    """The periods that have rows, in order; as short as they can be without being too many."""
    unit, totals = _unit(data.version.manifest["labels"]), dict[datetime, list[float]]()
    snapshot = data.table.snapshot(data.version.version)
    for batch in snapshot.batches(["cutoff", data.label]):
        for period in _counted(batch, data.label, unit):
            total = totals.setdefault(period["period"], [0, 0, 0.0])
            for place, name in enumerate(("rows", "known", "sum")):
                total[place] += period[name] or 0
    return [
        Period(start, int(rows), total / known if known else None)
        for start, (rows, known, total) in sorted(totals.items())
    ]


def _unit(labels: Mapping[str, Any]) -> str:
    if labels["first_cutoff"] is None:
        return "day"
    first, last = (datetime.fromisoformat(labels[f"{end}_cutoff"]) for end in ("first", "last"))
    days: float = (last - first) / timedelta(days=1)
    return next((unit for unit, length in _UNITS if days / length < _MOST), "year")


def _counted(batch: pa.RecordBatch, label: str, unit: str) -> list[dict[str, Any]]:
    """Of each period how many rows there are, how many have an outcome, and the sum of those."""
    outcome = batch[label]
    numbers = (
        outcome.cast(pa.float64(), safe=False)
        if is_number(outcome.type)
        else pa.nulls(len(batch), pa.float64())
    )
    start = pc.floor_temporal(batch["cutoff"], unit=unit)
    grouped = pa.table({"period": start, "label": numbers}).group_by("period")
    counted = grouped.aggregate([([], "count_all"), ("label", "count"), ("label", "sum")])
    return counted.rename_columns(["period", "rows", "known", "sum"]).to_pylist()
