"""Telling of a training set that is built, which is not part of a run."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime

from asof.environment import name_in_definitions
from asof.features.graph import Definitions
from asof.openlineage.watching import watched
from asof.revision import code_revision, who
from asof.storage.catalogue import Run, Step, TrainingSetVersion
from asof.workspace import Workspace

Told = Callable[[TrainingSetVersion], TrainingSetVersion]
"""Tells of a version that was built, and gives it back."""


@contextmanager
def watched_build(workspace: Workspace, definitions: Definitions, name: str, engine: str) -> Iterator[Told]:
    """What is to be given the version that is built, so that it is told to whom the settings say, if they do.

    Where that fails a warning is logged; the build goes on.
    """
    if not workspace.settings.lineage:
        yield lambda version: version
        return
    run = _run(workspace, engine)
    step = Step(run=run.id, name=f"build {name}", status="running", started_at=run.started_at)
    warn = logging.getLogger("asof").warning
    with watched(workspace, definitions, run, warn, job="training_set") as watch:
        watch(step)
        try:
            yield lambda version: _told(watch, step, workspace, version)
        except Exception as error:
            watch(_ended(step, "failed", details={"error": f"{type(error).__name__}: {error}"}))
            raise


def _run(workspace: Workspace, engine: str) -> Run:
    return Run(
        id=f"build-{secrets.token_hex(6)}",
        started_at=datetime.now(UTC),
        who=who(),
        engine=engine,
        code_revision=code_revision(workspace.settings.folder),
        environment=workspace.environment.name,
    )


def _told(
    watch: Callable[[Step], None], step: Step, workspace: Workspace, version: TrainingSetVersion
) -> TrainingSetVersion:
    manifest = version.manifest
    table = workspace.environment.table(f"training_sets/{manifest['name']}")
    inputs = {name: number for name, number in manifest["inputs"].items() if _is_read(name)}
    rows, made = manifest["rows"], {table: version.version}
    watch(_ended(step, "succeeded", rows_written=rows, inputs=inputs, outputs=made))
    return version


def _is_read(table: str) -> bool:
    """Whether a table is read to build training sets, and not only for tables that are."""
    return name_in_definitions(table).startswith(("labels/", "cutoffs/", "views/"))


def _ended(step: Step, status: str, **outcome: object) -> Step:
    return replace(step, status=status, finished_at=datetime.now(UTC), **outcome)  # type: ignore[arg-type]
