"""What was kept of the rows of a version of a training set when it was built."""

from __future__ import annotations

from asof.storage.catalogue import TrainingSetVersion
from asof.storage.catalogue.training_sets import table_of
from asof.transforms.statistics import Statistics, from_json, merged
from asof.workspace import Workspace


def statistics_by_split(workspace: Workspace, version: TrainingSetVersion) -> dict[str, Statistics]:
    """The statistics of each split, or under "" of all rows where they are not split."""
    table = workspace.catalogue.version(table_of(version.name), version.version)
    return {split: from_json(kept) for split, kept in table.details["statistics"].items()}


def statistics_of(workspace: Workspace, version: TrainingSetVersion) -> Statistics:
    """The statistics of all rows."""
    return merged(list(statistics_by_split(workspace, version).values()))
