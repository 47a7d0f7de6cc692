"""Comparing two versions of training sets: what went into them, and what came out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from asof.features.diff import Change, diff
from asof.storage.catalogue import TrainingSetVersion
from asof.storage.catalogue.training_sets import table_of
from asof.training_sets.known import statistics_of
from asof.training_sets.manifest import revision_of
from asof.training_sets.overlap import Overlap, overlap
from asof.transforms.shifts import shift_between
from asof.transforms.statistics import ColumnStatistics
from asof.workspace import Workspace

Pair = tuple[Any, Any]
"""What something is in the first and in the second; None where one has nothing of it."""


@dataclass(frozen=True)
class ColumnComparison:
    """A column that both have: its type, mean and share of nulls in each, and how far its values shifted.

    `psi` is the population stability index; None where it can't be told.
    """

    name: str
    type: Pair
    nulls: Pair
    mean: Pair
    psi: float | None

    @property
    def differs(self) -> bool:
        """Whether anything about it is not the same."""
        return bool(self.psi) or any(one != other for one, other in (self.type, self.nulls, self.mean))


@dataclass(frozen=True)
class Comparison:
    """Two versions side by side.

    `inputs` and `parameters` are those that differ, `added` and `removed` columns that only the second or
    only the first has. `rows_in_common` is None where the keys of their rows are not the same.
    """

    first: TrainingSetVersion
    second: TrainingSetVersion
    definitions: tuple[Change, ...]
    inputs: Mapping[str, Pair]
    parameters: Mapping[str, Pair]
    rows: Pair
    label_rate: Pair
    splits: Mapping[str, Pair]
    added: tuple[str, ...]
    removed: tuple[str, ...]
    columns: tuple[ColumnComparison, ...]
    rows_in_common: Overlap | None

    @property
    def same(self) -> bool:
        """Whether both hold the same rows."""
        return self.first.manifest["fingerprint"] == self.second.manifest["fingerprint"]


def compare(workspace: Workspace, first: TrainingSetVersion, second: TrainingSetVersion) -> Comparison:
    """Compare two versions, of one training set or of two."""
    one, other = first.manifest, second.manifest
    columns = [dict(each["columns"]) for each in (one, other)]
    return Comparison(
        first,
        second,
        diff(_definitions(workspace, one), _definitions(workspace, other)),
        _unlike(one["inputs"], other["inputs"]),
        _unlike(one["parameters"], other["parameters"]),
        (one["rows"], other["rows"]),
        (one["labels"]["rate"], other["labels"]["rate"]),
        _pairs(one["split"], other["split"]),
        tuple(name for name in columns[1] if name not in columns[0]),
        tuple(name for name in columns[0] if name not in columns[1]),
        tuple(_columns(workspace, first, second)),
        _rows_in_common(workspace, first, second),
    )


def _definitions(workspace: Workspace, manifest: Mapping[str, Any]) -> dict[str, Any]:
    """The definitions that a version was built with, as they were then."""
    revision = revision_of(workspace, manifest)
    return {key: revision.definitions[key] for key in manifest["definitions"]}


def _pairs(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Pair]:
    return {name: (one.get(name), other.get(name)) for name in dict.fromkeys([*one, *other])}


def _unlike(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Pair]:
    return {name: pair for name, pair in _pairs(one, other).items() if pair[0] != pair[1]}


def _columns(
    workspace: Workspace, first: TrainingSetVersion, second: TrainingSetVersion
) -> list[ColumnComparison]:
    one, other = (statistics_of(workspace, each) for each in (first, second))
    return [_column(name, one[name], other[name]) for name in one if name in other]


def _column(name: str, one: ColumnStatistics, other: ColumnStatistics) -> ColumnComparison:
    shift = shift_between(one, other)
    return ColumnComparison(
        name,
        (one.type, other.type),
        (null_share(one), null_share(other)),
        (one.mean, other.mean),
        None if shift is None else shift.psi,
    )


def null_share(column: ColumnStatistics) -> float | None:
    """Which share of a column's rows are null; None where there are no rows."""
    rows = column.values + column.nulls
    return column.nulls / rows if rows else None


def _rows_in_common(
    workspace: Workspace, first: TrainingSetVersion, second: TrainingSetVersion
) -> Overlap | None:
    keys = first.manifest["keys"]
    if second.manifest["keys"] != keys:
        return None
    one, other = (workspace.stored(table_of(each.name)).snapshot(each.version) for each in (first, second))
    return overlap(one, other, [*keys, "cutoff"], first.manifest["rows"] + second.manifest["rows"])
