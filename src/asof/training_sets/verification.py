"""Verifying a version of a training set: it is built again from what it was built from, and compared."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import pyarrow as pa

from asof.errors import Conflict, NotFound
from asof.features.diff import diff
from asof.features.graph import Definitions
from asof.features.training_set import TrainingSet
from asof.manifest import hashes_of
from asof.storage.catalogue import TrainingSetVersion
from asof.storage.fingerprint import Fingerprint
from asof.training import training_job
from asof.transforms.engines.engine import Engine
from asof.transforms.training_job import Content, content_of, rebuild_bucket
from asof.workspace import Workspace

_UNREADABLE = (OSError, pa.ArrowException)


@dataclass(frozen=True)
class Found:
    """What was found of the rows: their number, columns (name and type) and fingerprint."""

    rows: int
    columns: Sequence[Sequence[str]]
    fingerprint: str


@dataclass(frozen=True)
class Verification:
    """A version as its manifest has it, as its files hold it, and as it came out when built again.

    `stored` is None where the files can't be read; `unreadable` then says why.
    """

    version: TrainingSetVersion
    engine: str
    recorded: Found
    stored: Found | None
    rebuilt: Found
    unreadable: str | None = None

    @property
    def holds(self) -> bool:
        """Whether all three are the same."""
        return self.recorded == self.stored == self.rebuilt


def verify(
    workspace: Workspace, definitions: Definitions, version: TrainingSetVersion, engine: Engine
) -> Verification:
    """Build a version again from the table versions in its manifest, with the definitions of then.

    Conflict where the definitions are no longer those, NotFound where a table version is gone.
    """
    wanted = _as_it_was(workspace, definitions, version)
    stored, unreadable = _stored(workspace, version)
    rebuilt = _rebuilt(workspace, definitions, wanted, version, engine)
    return Verification(version, engine.name, _recorded(version.manifest), stored, rebuilt, unreadable)


def _as_it_was(workspace: Workspace, definitions: Definitions, version: TrainingSetVersion) -> TrainingSet:
    manifest = version.manifest
    wanted = definitions.training_sets.get(version.name)
    if wanted is not None and hashes_of(definitions, wanted) == manifest["definitions"]:
        return wanted
    changed = _changed_since(workspace, definitions, manifest)
    raise Conflict(
        f"{version.name}@{version.version} was built with the definitions of revision "
        f"{manifest['revision']}; since then these have changed: {', '.join(changed)}\n"
        f"check out {_code(manifest['code_revision'])}, and verify it there"
    )


def _changed_since(workspace: Workspace, definitions: Definitions, manifest: Mapping[str, Any]) -> list[str]:
    """The keys of the definitions that are themselves no longer as they were."""
    revision = workspace.catalogue.revision(manifest["revision"])
    assert revision is not None
    used = manifest["definitions"]
    before, now = (
        {key: described for key, described in all_of_them.items() if key in used}
        for all_of_them in (revision.definitions, definitions.described)
    )
    return [change.key for change in diff(before, now)]


def _code(revision: str) -> str:
    return f"the code of that time, {revision}" if revision else "the code of that time"


def _recorded(manifest: Mapping[str, Any]) -> Found:
    return Found(manifest["rows"], [list(each) for each in manifest["columns"]], manifest["fingerprint"])


def _stored(workspace: Workspace, version: TrainingSetVersion) -> tuple[Found | None, str | None]:
    """What the files of a version hold, or why they can't be read."""
    try:
        snapshot = workspace.table(f"training_sets/{version.name}").snapshot(version.version)
        batches = (pa.Table.from_batches([batch]) for batch in snapshot.batches())
        return _together(snapshot.schema, map(content_of, batches)), None
    except (NotFound, *_UNREADABLE) as error:
        return None, str(error)


def _rebuilt(
    workspace: Workspace,
    definitions: Definitions,
    wanted: TrainingSet,
    version: TrainingSetVersion,
    engine: Engine,
) -> Found:
    pinned = {
        name: number
        for name, number in version.manifest["inputs"].items()
        if name.startswith(("labels/", "cutoffs/", "views/"))
    }
    try:
        inputs = {name: workspace.catalogue.version(name, number) for name, number in pinned.items()}
        job = training_job(workspace, definitions, wanted, inputs, engine)
        return _together(job.schema(), engine.map(partial(rebuild_bucket, job), range(job.buckets)))
    except NotFound as error:
        gone = [f"{name}@{number}" for name, number in pinned.items() if _is_gone(workspace, name, number)]
        raise NotFound(
            f"{version.name}@{version.version} can't be built again, as table versions that it was made "
            f"from are gone: {', '.join(gone) or error}\n"
            "bring their files back from a backup; what was built then can still be read"
        ) from error


def _is_gone(workspace: Workspace, name: str, number: int) -> bool:
    try:
        workspace.catalogue.version(name, number)
        snapshot = workspace.table(name).snapshot(number)
        deque(snapshot.batches(snapshot.schema.names[:1]), maxlen=0)
    except NotFound:
        return True
    return False


def _together(schema: pa.Schema, parts: Iterable[Content]) -> Found:
    content, rows = Fingerprint(schema), 0
    for part in parts:
        content.merge(part.fingerprint)
        rows += part.rows
    return Found(rows, [[field.name, str(field.type)] for field in schema], content.hexdigest())
