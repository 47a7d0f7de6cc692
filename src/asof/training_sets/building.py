"""Building training sets: immutable versions, each with a manifest that says what it was made from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial, reduce
from typing import Any

import pyarrow as pa

from asof.features.graph import Definitions
from asof.features.sampling import Balance, Sample
from asof.features.service import stored_features
from asof.features.training_set import TrainingSet
from asof.features.view import FeatureView, Selection, expand
from asof.leaks.case import Case
from asof.leaks.checks import look
from asof.leaks.finding import Leaks
from asof.moments import Moment
from asof.openlineage.building import watched_build
from asof.storage.catalogue import Manifest, TableVersion, TrainingSetVersion
from asof.storage.fingerprint import Fingerprint
from asof.storage.tables import Base, File
from asof.training_sets.basis import Basis, inputs_of, now, past
from asof.training_sets.manifest import made_by, outcome_of, recipe_of
from asof.transforms.engines.engine import Engine
from asof.transforms.leaks.evidence import together
from asof.transforms.on_demand import asked_features
from asof.transforms.sampling import balanced
from asof.transforms.statistics import Statistics, merged, to_json
from asof.transforms.training_job import (
    BucketOfRows,
    TrainingJob,
    ViewTable,
    build_bucket,
    evidence_of_bucket,
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

    Conflict where the tables are not up to date with the definitions or with each other, DataError where
    it has leaks that the settings do not let pass.
    """
    built = workspace.catalogue.training_sets(workspace.environment.training_set(name))
    newest = [version for version in built if version.manifest["at"] is None][:1]
    return _built(workspace, now(workspace, definitions), name, engine, newest)


def build_at(workspace: Workspace, code: Definitions, name: str, engine: Engine, at: Moment) -> Built:
    """Build a training set as it would have been built at a moment, or find the version that is just that.

    Errors as of `build`; NotFound where there were no tables yet, Conflict where the definitions of then
    have a function that is no longer in the `code`.
    """
    oldest_first = workspace.catalogue.training_sets(name)[::-1]
    return _built(workspace, past(workspace, code, at), name, engine, oldest_first)


def _built(
    workspace: Workspace, basis: Basis, name: str, engine: Engine, known: Sequence[TrainingSetVersion]
) -> Built:
    wanted = basis.definitions.named(TrainingSet, name)
    inputs = inputs_of(basis, wanted)
    recipe = recipe_of(basis.definitions, wanted, inputs)
    for version in known:
        if all(version.manifest.get(key) == value for key, value in recipe.items()):
            leaks_of(workspace, version).refuse(name)
            return Built(version, new=False)
    job = training_job(workspace, basis.definitions, wanted, inputs, engine)
    with watched_build(workspace, basis.definitions, name, engine.name) as told:
        return Built(told(_build(workspace, basis, job, inputs, engine, recipe)), new=True)


def find_leaks(workspace: Workspace, definitions: Definitions, name: str, engine: Engine) -> Leaks:
    """What the leak checks find in a training set over the tables as they are now; errors as of `build`."""
    wanted = definitions.named(TrainingSet, name)
    inputs = inputs_of(now(workspace, definitions), wanted)
    job = training_job(workspace, definitions, wanted, inputs, engine)
    evidence = together(list(engine.map(partial(evidence_of_bucket, job), range(job.buckets))))
    return look(Case(workspace, definitions, job, inputs, engine, evidence), workspace.settings.leaks)


def leaks_of(workspace: Workspace, version: TrainingSetVersion) -> Leaks:
    """What was found when a version was built, as the settings judge it now."""
    return Leaks.from_json(version.manifest["leaks"]).judged(workspace.settings.leaks)


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


def _build(
    workspace: Workspace,
    basis: Basis,
    job: TrainingJob,
    inputs: Inputs,
    engine: Engine,
    recipe: dict[str, Any],
) -> TrainingSetVersion:
    name = f"training_sets/{job.wanted.name}"
    current, schema = workspace.newest(name), job.schema()
    base = workspace.base(name, schema, on=current)
    parts = list(engine.map(partial(build_bucket, job, base), range(job.buckets)))
    files: list[File] = [file for part in parts for file in part.files]
    evidence = together([part.evidence for part in parts])
    leaks = _checked(Case(workspace, basis.definitions, job, inputs, engine, evidence), base, files)
    number = base.commit(files, schema=schema, replace=True)
    known = _statistics(parts)
    manifest = {
        **recipe,
        **made_by(workspace, engine.name, basis),
        **_outcome(basis.definitions, job, schema, parts, known),
        "leaks": leaks.to_json(),
    }
    size = base.table.statistics(number)
    version = TableVersion(
        table=workspace.name_of(base.table),
        version=number,
        run="",
        committed_at=datetime.now(UTC),
        definition=recipe["definition"],
        inputs=recipe["inputs"],
        rows=size.rows,
        bytes=size.bytes,
        details={"statistics": {part: to_json(found) for part, found in known.items()}},
    )
    named = workspace.environment.training_set(job.wanted.name)
    workspace.catalogue.commit(
        [version],
        expected={version.table: current.version if current else None},
        manifest=Manifest(named, number, manifest),
    )
    return workspace.catalogue.training_set(named, number)


def _checked(case: Case, base: Base, files: Sequence[File]) -> Leaks:
    """What the leak checks find; where that is not to be built DataError, and the files are gone."""
    try:
        leaks = look(case, case.workspace.settings.leaks)
        leaks.refuse(case.job.wanted.name)
    except BaseException:
        base.discard(files)
        raise
    return leaks


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
