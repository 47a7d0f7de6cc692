"""Manifests: what a version of a training set was made from, and what came out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from asof.features.describe import definition_hash, key_of
from asof.features.graph import Definitions
from asof.features.training_set import TrainingSet
from asof.revision import code_revision
from asof.settings import Settings
from asof.storage.catalogue import TableVersion
from asof.storage.fingerprint import fingerprint
from asof.transforms.statistics import statistics
from asof.version import __version__


def recipe_of(wanted: TrainingSet, inputs: Mapping[str, TableVersion]) -> dict[str, Any]:
    """What decides the content of a training set: its definitions and the versions of its inputs."""
    return {
        "definition": definition_hash(wanted),
        "definitions": {key_of(used): definition_hash(used) for used in Definitions([wanted])},
        "inputs": {table: version.version for table, version in inputs.items()},
        "parameters": {"cutoffs": "e < t" if wanted.strict else "e <= t", "known_at": wanted.known_at},
    }


def full_manifest(
    recipe: Mapping[str, Any],
    wanted: TrainingSet,
    rows: pa.Table,
    split: Mapping[str, int],
    immature: int,
    complete_until: int | None,
    settings: Settings,
    engine: str,
) -> dict[str, Any]:
    """The recipe with what came out of it, as JSON data. `complete_until` is in ns since 1970, UTC."""
    return {
        **recipe,
        "name": wanted.name,
        "created_at": datetime.now(UTC).isoformat(),
        "engine": engine,
        "asof": __version__,
        "code_revision": code_revision(settings.folder),
        "rows": rows.num_rows,
        "columns": [[field.name, str(field.type)] for field in rows.schema],
        "labels": _labels(wanted, rows, immature, complete_until),
        "split": dict(split),
        "assumptions": _assumptions(wanted),
        "statistics": statistics(rows),
        "fingerprint": fingerprint(rows),
    }


def _labels(wanted: TrainingSet, rows: pa.Table, immature: int, complete_until: int | None) -> dict[str, Any]:
    cutoffs = pc.min_max(rows["cutoff"].cast(pa.timestamp("us", "UTC"))).as_py()
    outcome = rows[wanted.label.name]
    mean = pc.mean(outcome.cast(pa.float64())).as_py() if pa.types.is_boolean(outcome.type) else None
    return {
        "immature": immature,
        "complete_until": complete_until,
        "first_cutoff": cutoffs["min"] and cutoffs["min"].isoformat(),
        "last_cutoff": cutoffs["max"] and cutoffs["max"].isoformat(),
        "rate": mean,
    }


def _assumptions(wanted: TrainingSet) -> list[str]:
    """What was taken as given, since a source does not say it."""
    return [
        f"source {name!r} has no event time: its rows count as known since {source.known_since.isoformat()}"
        for name, source in Definitions([wanted]).sources.items()
        if source.known_since is not None
    ]
