"""Manifests: what a version of a training set was made from, and what came out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from asof.features.describe import definition_hash, key_of
from asof.features.graph import Definitions
from asof.features.training_set import TrainingSet
from asof.revision import code_revision
from asof.settings import Settings
from asof.storage.catalogue import TableVersion
from asof.transforms.statistics import ColumnStatistics
from asof.version import __version__


def recipe_of(wanted: TrainingSet, inputs: Mapping[str, TableVersion]) -> dict[str, Any]:
    """What decides the content of a training set: its definitions and the versions of its inputs."""
    return {
        "definition": definition_hash(wanted),
        "definitions": {key_of(used): definition_hash(used) for used in Definitions([wanted])},
        "inputs": {table: version.version for table, version in inputs.items()},
        "parameters": {"cutoffs": "e < t" if wanted.strict else "e <= t", "known_at": wanted.known_at},
    }


def made_by(settings: Settings, engine: str) -> dict[str, Any]:
    """When, by what and from which revision of the code."""
    return {
        "created_at": datetime.now(UTC).isoformat(),
        "engine": engine,
        "asof": __version__,
        "code_revision": code_revision(settings.folder),
    }


def outcome_of(
    wanted: TrainingSet,
    schema: pa.Schema,
    counts: Mapping[str, int],
    statistics: Mapping[str, ColumnStatistics],
    complete_until: int,
) -> dict[str, Any]:
    """What came out, as JSON data. `complete_until` is in ns since 1970, UTC."""
    described = {name: column.described() for name, column in statistics.items()}
    parts = ("train", "test", "embargoed") if wanted.split else ()
    return {
        "name": wanted.name,
        "keys": list(wanted.label.entity.keys),
        "rows": counts["rows"],
        "columns": [[field.name, str(field.type)] for field in schema],
        "split": {part: counts[part] for part in parts},
        "labels": {
            "immature": counts["immature"],
            "complete_until": complete_until,
            "first_cutoff": described["cutoff"]["min"],
            "last_cutoff": described["cutoff"]["max"],
            "rate": described[wanted.label.name].get("mean"),
        },
        "assumptions": _assumptions(wanted),
        "statistics": described,
    }


def _assumptions(wanted: TrainingSet) -> list[str]:
    """What was taken as given, since a source does not say it."""
    return [
        f"source {name!r} has no event time: its rows count as known since {source.known_since.isoformat()}"
        for name, source in Definitions([wanted]).sources.items()
        if source.known_since is not None
    ]
