"""Building training sets: immutable versions, each with a manifest that says what it was made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

import pyarrow as pa
import pyarrow.compute as pc

from asof.errors import Conflict
from asof.features.graph import Definitions, TableNode
from asof.features.training_set import TrainingSet
from asof.features.view import FeatureView, Selection, expand
from asof.manifest import full_manifest, recipe_of
from asof.storage.catalogue import Manifest, TableVersion, TrainingSetVersion
from asof.transforms.engine import Engine
from asof.transforms.splits import SPLIT, split_by_time
from asof.transforms.training_rows import TrainingRows, ViewRows, training_rows
from asof.workspace import Workspace

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
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
    recipe = recipe_of(wanted, inputs)
    newest = next(iter(workspace.catalogue.training_sets(name)), None)
    if newest and all(newest.manifest.get(key) == value for key, value in recipe.items()):
        return Built(newest, new=False)
    computed = _compute(workspace, definitions, wanted, inputs, engine)
    rows, counts = _split(computed.rows, wanted)
    complete_until = inputs[f"labels/{wanted.label.name}"].details["complete_until"]
    manifest = full_manifest(
        recipe, wanted, rows, counts, computed.immature, complete_until, workspace.settings, engine.name
    )
    return Built(_commit(workspace, wanted, rows, manifest), new=True)


def _inputs(workspace: Workspace, definitions: Definitions, wanted: TrainingSet) -> Inputs:
    """The version that counts of every table that the training set is made from, in topological order."""
    nodes = {node.name: node for node in definitions.tables}
    needed = [f"labels/{wanted.label.name}", *(f"views/{view.name}" for view in wanted.views)]
    inputs: dict[str, TableVersion] = {}
    for name in _with_inputs(needed, nodes):
        inputs[name] = version = workspace.current(name)
        behind = any(inputs[other].version != version.inputs.get(other) for other in nodes[name].inputs)
        if version.definition != nodes[name].definition or behind:
            why = "its inputs have moved on" if behind else "its definition has changed"
            raise Conflict(f"table {name!r} is not up to date: {why}; bring it up to date with: asof run")
    return inputs


def _with_inputs(names: Sequence[str], nodes: Mapping[str, TableNode]) -> list[str]:
    wanted = set(names)
    for name in reversed(list(nodes)):
        if name in wanted:
            wanted.update(nodes[name].inputs)
    return [name for name in nodes if name in wanted]


def _compute(
    workspace: Workspace, definitions: Definitions, wanted: TrainingSet, inputs: Inputs, engine: Engine
) -> TrainingRows:
    """All rows, by cut-off and then keys, computed bucket by bucket."""
    kernel = partial(_bucket_rows, workspace, definitions, wanted, inputs)
    parts = list(engine.map(kernel, range(workspace.settings.buckets)))
    rows = pa.concat_tables(part.rows for part in parts)
    order = [(name, "ascending") for name in ("cutoff", *wanted.label.entity.keys)]
    return TrainingRows(rows.sort_by(order), sum(part.immature for part in parts))


def _bucket_rows(
    workspace: Workspace, definitions: Definitions, wanted: TrainingSet, inputs: Inputs, bucket: int
) -> TrainingRows:
    label, in_bucket = wanted.label, pc.field("_bucket") == bucket
    table = inputs[f"labels/{label.name}"]
    complete_until = EPOCH + timedelta(microseconds=(table.details["complete_until"] or 0) // 1_000)
    views = [
        _view_rows(workspace, definitions, item, inputs, in_bucket if _shares_buckets(item, wanted) else None)
        for item in wanted.features
    ]
    rows = workspace.read(table.table, table.version, where=in_bucket)
    return training_rows(label, rows, complete_until, views, strict=wanted.strict, known_at=wanted.known_at)


def _shares_buckets(item: FeatureView | Selection, wanted: TrainingSet) -> bool:
    return _view(item).entity.keys == wanted.label.entity.keys


def _view(item: FeatureView | Selection) -> FeatureView:
    return item.view if isinstance(item, Selection) else item


def _view_rows(
    workspace: Workspace,
    definitions: Definitions,
    item: FeatureView | Selection,
    inputs: Inputs,
    where: pc.Expression | None,
) -> ViewRows:
    view = _view(item)
    columns = view.columns(dict(definitions.views))
    names = item.names if isinstance(item, Selection) else [f.name for f in expand(view, columns)]
    table = inputs[f"views/{view.name}"]
    return ViewRows(view, columns, names, workspace.read(table.table, table.version, where=where))


def _split(rows: pa.Table, wanted: TrainingSet) -> tuple[pa.Table, dict[str, int]]:
    """Rows with their split, without those that the embargo leaves out."""
    if wanted.split is None:
        return rows, {}
    cutoffs = rows["cutoff"].cast(pa.timestamp("ns", "UTC")).cast(pa.int64()).to_numpy()
    split = split_by_time(cutoffs, wanted.split)
    place = rows.column_names.index(wanted.label.name) + 1
    rows = rows.add_column(place, SPLIT, split.of_row)
    return rows.filter(pc.is_valid(rows[SPLIT])), split.counts


def _commit(
    workspace: Workspace, wanted: TrainingSet, rows: pa.Table, manifest: dict[str, object]
) -> TrainingSetVersion:
    name = f"training_sets/{wanted.name}"
    current = workspace.catalogue.current(name)
    number = workspace.write(name, rows, on=current, replace=True)
    size = workspace.table(name).statistics(number)
    version = TableVersion(
        table=name,
        version=number,
        run="",
        committed_at=datetime.now(UTC),
        definition=str(manifest["definition"]),
        inputs=dict(manifest["inputs"]),  # type: ignore[call-overload]
        rows=size.rows,
        bytes=size.bytes,
    )
    workspace.catalogue.commit(
        [version],
        expected={name: current.version if current else None},
        manifest=Manifest(wanted.name, number, manifest),
    )
    return workspace.catalogue.training_set(wanted.name, number)
