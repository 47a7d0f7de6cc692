"""Manifests: what a version of a training set was made from, and what came out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from asof.features.describe import definition_hash, key_of
from asof.features.graph import Definitions
from asof.features.sampling import Balance, Sample
from asof.features.splits import ByEntity, ByTime
from asof.features.training_set import TrainingSet
from asof.revision import code_revision
from asof.storage.catalogue import Revision, TableVersion
from asof.training_sets.basis import Basis
from asof.transforms.splits import parts_of_split
from asof.transforms.statistics import ColumnStatistics
from asof.transforms.training_job import TrainingJob
from asof.version import __version__
from asof.workspace import Workspace


def recipe_of(
    definitions: Definitions, wanted: TrainingSet, inputs: Mapping[str, TableVersion]
) -> dict[str, Any]:
    """What decides the content of a training set: its definitions and the versions of its inputs."""
    return {
        "definition": definition_hash(wanted),
        "definitions": hashes_of(definitions, wanted),
        "inputs": {version.table: version.version for version in inputs.values()},
        "parameters": _parameters(wanted),
    }


def _parameters(wanted: TrainingSet) -> dict[str, str]:
    rules = {"cutoffs": "e < t" if wanted.strict else "e <= t", "known_at": wanted.known_at}
    if wanted.splits:
        rules["split"] = " and ".join(map(_spelled, wanted.splits))
    return rules if wanted.sample is None else {**rules, "sample": _spelled(wanted.sample)}


def _spelled(rule: ByTime | ByEntity | Sample | Balance) -> str:
    arguments = (f"{field.name}={getattr(rule, field.name)}" for field in fields(rule))  # type: ignore[arg-type]
    return f"{type(rule).__name__}({', '.join(arguments)})"


def hashes_of(definitions: Definitions, wanted: TrainingSet) -> dict[str, str]:
    """The hash of each definition that a training set is made of, by key."""
    return {key_of(used): definition_hash(used) for used in definitions.made_of(wanted)}


def made_by(workspace: Workspace, engine: str, basis: Basis) -> dict[str, Any]:
    """When, by what, as of which moment, from which revision of the definitions and which of the code."""
    return {
        "created_at": datetime.now(UTC).isoformat(),
        "engine": engine,
        "asof": __version__,
        "at": basis.moment,
        "environment": workspace.environment.name,
        "revision": basis.revision.number if basis.revision else None,
        "code_revision": code_revision(workspace.settings.folder),
    }


def revision_of(workspace: Workspace, manifest: Mapping[str, Any]) -> Revision:
    """The applied definitions that a version was built with, of production or of an environment."""
    revision = workspace.catalogue.revision(manifest["revision"], manifest.get("environment", ""))
    assert revision is not None
    return revision


def outcome_of(
    definitions: Definitions,
    job: TrainingJob,
    schema: pa.Schema,
    counts: Mapping[str, int],
    statistics: Mapping[str, ColumnStatistics],
) -> dict[str, Any]:
    """What came out, as JSON data."""
    wanted = job.wanted
    described = {name: column.described() for name, column in statistics.items()}
    return {
        "name": wanted.name,
        "label": wanted.label.name,
        "keys": list(wanted.label.entity.keys),
        "rows": counts["rows"],
        "columns": [[field.name, str(field.type)] for field in schema],
        "split": {part: counts[part] for part in parts_of_split(wanted.splits)},
        "sample": _sample(job.sample, counts["sampled_out"]),
        "labels": {
            "immature": counts["immature"],
            "complete_until": job.complete_until,
            "first_cutoff": described["cutoff"]["min"],
            "last_cutoff": described["cutoff"]["max"],
            "rate": described[wanted.label.name].get("mean"),
        },
        "assumptions": _assumptions(definitions.made_of(wanted)),
        "statistics": described,
    }


def _sample(sample: Sample | None, left_out: int) -> dict[str, Any] | None:
    """The shares of rows for training that were kept, by outcome, and how many were not."""
    if sample is None:
        return None
    shares = {"positives": sample.positives, "negatives": sample.negatives}
    return {**shares, "seed": sample.seed, "left_out": left_out}


def _assumptions(used: Definitions) -> list[str]:
    """What was taken as given, since a source does not say it."""
    return [
        f"source {name!r} has no event time: its rows count as known since {source.known_since.isoformat()}"
        for name, source in used.sources.items()
        if source.known_since is not None
    ]
