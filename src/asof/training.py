"""Building training sets: immutable versions, each with a manifest that says what it was made from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial, reduce
from typing import Any

import pyarrow as pa

from asof.errors import Conflict
from asof.features.graph import Definitions, TableNode
from asof.features.sampling import Balance, Sample
from asof.features.service import stored_features
from asof.features.training_set import TrainingSet
from asof.features.view import FeatureView, Selection, expand
from asof.manifest import made_by, outcome_of, recipe_of
from asof.storage.catalogue import Manifest, TableVersion, TrainingSetVersion
from asof.storage.fingerprint import Fingerprint
from asof.storage.tables import File
from asof.transforms.engines.engine import Engine
from asof.transforms.on_demand import asked_features
from asof.transforms.sampling import balanced
from asof.transforms.statistics import Statistics, merged, to_json
from asof.transforms.training_job import (
    BucketOfRows,
    TrainingJob,
    ViewTable,
    build_bucket,
    outcomes_of_bucket,
)
from asof.workspace import Workspace

Inputs = Mapping[str, TableVersion]


@dataclass(frozen=True)
class Built:
    """A version of a training set; `new` is false where it was there already."""

    version: TrainingSetVersion
    new: bool


def build(workspace: Workspace, definitions: Definitions, name: str, engine: Engine) -> Built:
    """Build a training set from the tables as they are now, or find the version that is just that.

    Conflict where the tables are not up to date with the definitions or with each other.
    """
    wanted = definitions.named(TrainingSet, name)
    inputs = _inputs(workspace, definitions, wanted)
    recipe = recipe_of(definitions, wanted, inputs)
    newest = next(iter(workspace.catalogue.training_sets(name)), None)
    if newest and all(newest.manifest.get(key) == value for key, value in recipe.items()):
        return Built(newest, new=False)
    job = training_job(workspace, definitions, wanted, inputs, engine)
    return Built(_build(workspace, definitions, job, engine, recipe), new=True)


def training_job(
    workspace: Workspace, definitions: Definitions, wanted: TrainingSet, inputs: Inputs, engine: Engine
) -> TrainingJob:
    """What is to be computed, over the tables at the versions in `inputs`.

    Where the training set is to be balanced, the engine first counts the outcomes.
    """
    label = inputs[f"labels/{wanted.label.name}"]
    cutoffs = inputs.get(f"cutoffs/{wanted.label.name}")
    job = TrainingJob(
        wanted=wanted,
        label_rows=workspace.bucketed(label, wanted.label.entity),
        cutoff_rows=workspace.bucketed(cutoffs, wanted.label.entity) if cutoffs else None,
        views=tuple(
            view_table(workspace, definitions, item, inputs) for item in stored_features(wanted.features)
        ),
        asked=asked_features(wanted.features, dict(definitions.views)),
        complete_until=label.details["complete_until"] or 0,
    )
    return replace(job, sample=_sample(job, engine))


def _sample(job: TrainingJob, engine: Engine) -> Sample | None:
    rule = job.wanted.sample
    if not isinstance(rule, Balance):
        return rule
    counted = engine.map(partial(outcomes_of_bucket, job), range(job.buckets))
    return balanced(rule, sum(counted, Counter()))


def view_table(
    workspace: Workspace,
    definitions: Definitions,
    item: FeatureView | Selection,
    inputs: Inputs | None = None,
) -> ViewTable:
    """A view with the features that are asked for, at the version in `inputs`, else the current one."""
    view = item.view if isinstance(item, Selection) else item
    name = f"views/{view.name}"
    version = workspace.current(name) if inputs is None else inputs[name]
    columns = view.columns(dict(definitions.views))
    names = item.names if isinstance(item, Selection) else [f.name for f in expand(view, columns)]
    return ViewTable(view, columns, tuple(names), workspace.bucketed(version, view.entity))


def _inputs(workspace: Workspace, definitions: Definitions, wanted: TrainingSet) -> Inputs:
    """The version that counts of every table that the training set is made from, in topological order."""
    nodes = {node.name: node for node in definitions.tables}
    needed = {f"{kind}/{wanted.label.name}" for kind in ("labels", "cutoffs")}
    needed |= {f"views/{view.name}" for view in wanted.views}
    inputs: dict[str, TableVersion] = {}
    for name in _with_inputs(needed, nodes):
        inputs[name] = version = workspace.current(name)
        behind = any(inputs[other].version != version.inputs.get(other) for other in nodes[name].inputs)
        if version.definition != nodes[name].definition or behind:
            why = "its inputs have moved on" if behind else "its definition has changed"
            raise Conflict(f"table {name!r} is not up to date: {why}; bring it up to date with: asof run")
    return inputs


def _with_inputs(names: set[str], nodes: Mapping[str, TableNode]) -> list[str]:
    wanted = set(names)
    for name in reversed(list(nodes)):
        if name in wanted:
            wanted.update(nodes[name].inputs)
    return [name for name in nodes if name in wanted]


def _build(
    workspace: Workspace, definitions: Definitions, job: TrainingJob, engine: Engine, recipe: dict[str, Any]
) -> TrainingSetVersion:
    name = f"training_sets/{job.wanted.name}"
    current, schema = workspace.catalogue.current(name), job.schema()
    base = workspace.base(name, schema, on=current)
    parts = list(engine.map(partial(build_bucket, job, base), range(job.buckets)))
    files: list[File] = [file for part in parts for file in part.files]
    number = base.commit(files, schema=schema, replace=True)
    known = _statistics(parts)
    manifest = {
        **recipe,
        **made_by(workspace, engine.name),
        **_outcome(definitions, job, schema, parts, known),
    }
    size = base.table.statistics(number)
    version = TableVersion(
        table=name,
        version=number,
        run="",
        committed_at=datetime.now(UTC),
        definition=recipe["definition"],
        inputs=recipe["inputs"],
        rows=size.rows,
        bytes=size.bytes,
        details={"statistics": {part: to_json(found) for part, found in known.items()}},
    )
    workspace.catalogue.commit(
        [version],
        expected={name: current.version if current else None},
        manifest=Manifest(job.wanted.name, number, manifest),
    )
    return workspace.catalogue.training_set(job.wanted.name, number)


def _statistics(parts: Sequence[BucketOfRows]) -> dict[str, Statistics]:
    """The statistics of each split, or under "" of all rows where they are not split."""
    return {split: merged([part.statistics[split] for part in parts]) for split in parts[0].statistics}


def _outcome(
    definitions: Definitions,
    job: TrainingJob,
    schema: pa.Schema,
    parts: Sequence[BucketOfRows],
    known: Mapping[str, Statistics],
) -> dict[str, Any]:
    counts = reduce(Counter.__add__, (part.counts for part in parts), Counter[str]())
    content = Fingerprint(schema)
    for part in parts:
        content.merge(part.fingerprint)
    return {
        **outcome_of(definitions, job, schema, counts, merged(list(known.values()))),
        "fingerprint": content.hexdigest(),
    }
