"""Verifying a version of a training set: it is built again from what it was built from, and compared."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import pyarrow as pa

from asof.applied import definitions_of
from asof.environment import name_in_definitions
from asof.errors import DataError, NotFound
from asof.features.graph import Definitions
from asof.features.training_set import TrainingSet
from asof.moments import readable
from asof.storage.catalogue import TrainingSetVersion
from asof.storage.catalogue.training_sets import table_of
from asof.storage.fingerprint import Fingerprint
from asof.training_sets.building import training_job
from asof.training_sets.manifest import hashes_of, revision_of
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
    workspace: Workspace, code: Definitions, version: TrainingSetVersion, engine: Engine
) -> Verification:
    """Build a version again from the table versions in its manifest, with the definitions of then.

    Conflict where they have a function that is no longer in the code, NotFound where a table version is gone.
    """
    then = _definitions_of_then(workspace, code, version)
    with ThreadPoolExecutor(1, thread_name_prefix="asof-stored") as aside:
        reading = aside.submit(_stored, workspace, version)
        rebuilt = _rebuilt(workspace, then, version, engine)
    stored, unreadable = reading.result()
    return Verification(version, engine.name, _recorded(version.manifest), stored, rebuilt, unreadable)


def _definitions_of_then(workspace: Workspace, code: Definitions, version: TrainingSetVersion) -> Definitions:
    manifest = version.manifest
    if _are_those_of(code, manifest):
        return code
    revision = revision_of(workspace, manifest)
    then = definitions_of(revision, code, manifest["definitions"])
    if not _are_those_of(then, manifest):
        raise DataError(
            f"{version.name}@{version.version} was not built with the definitions that the catalogue has as "
            f"revision {revision.number}; another version of Asof applied them, or they were tampered with"
        )
    return then


def _are_those_of(definitions: Definitions, manifest: Mapping[str, Any]) -> bool:
    wanted = definitions.training_sets.get(manifest["name"])
    return wanted is not None and hashes_of(definitions, wanted) == manifest["definitions"]


def _recorded(manifest: Mapping[str, Any]) -> Found:
    return Found(manifest["rows"], [list(each) for each in manifest["columns"]], manifest["fingerprint"])


def _stored(workspace: Workspace, version: TrainingSetVersion) -> tuple[Found | None, str | None]:
    """What the files of a version hold, or why they can't be read."""
    try:
        snapshot = workspace.stored(table_of(version.name)).snapshot(version.version)
        batches = (pa.Table.from_batches([batch]) for batch in snapshot.batches())
        return _together(snapshot.schema, map(content_of, batches)), None
    except (NotFound, *_UNREADABLE) as error:
        return None, str(error)


def _rebuilt(
    workspace: Workspace,
    definitions: Definitions,
    version: TrainingSetVersion,
    engine: Engine,
) -> Found:
    wanted = definitions.named(TrainingSet, version.manifest["name"])
    pinned = {
        name: number
        for name, number in version.manifest["inputs"].items()
        if name_in_definitions(name).startswith(("labels/", "cutoffs/", "views/"))
    }
    try:
        inputs = {
            name_in_definitions(name): readable(workspace.catalogue.version(name, number))
            for name, number in pinned.items()
        }
        job = training_job(workspace, definitions, wanted, inputs, engine)
        return _together(job.schema(), engine.map(partial(rebuild_bucket, job), range(job.buckets)))
    except NotFound as error:
        gone = [told for pin in pinned.items() if (told := _gone(workspace, *pin))]
        raise NotFound(
            f"{version.name}@{version.version} can't be built again, as table versions that it was made "
            f"from are gone: {', '.join(gone) or error}\n"
            "bring their files back from a backup; what was built then can still be read"
        ) from error


def _gone(workspace: Workspace, name: str, number: int) -> str | None:
    """The version where it can't be read, with when it was freed if it was."""
    try:
        freed_at = workspace.catalogue.version(name, number).freed_at
        if freed_at is not None:
            return f"{name}@{number} (freed on {freed_at:%Y-%m-%d %H:%M}Z by asof gc)"
        snapshot = workspace.stored(name).snapshot(number)
        deque(snapshot.batches(snapshot.schema.names[:1]), maxlen=0)
    except NotFound:
        return f"{name}@{number}"
    return None


def _together(schema: pa.Schema, parts: Iterable[Content]) -> Found:
    content, rows = Fingerprint(schema), 0
    for part in parts:
        content.merge(part.fingerprint)
        rows += part.rows
    return Found(rows, [[field.name, str(field.type)] for field in schema], content.hexdigest())
