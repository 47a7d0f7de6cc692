"""Events of a run and of its steps: each is a job with runs of its own, the steps' within that of the run."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from asof.environment import ASIDE, name_in_definitions
from asof.openlineage import facets
from asof.openlineage.datasets import Datasets
from asof.openlineage.transport import Event
from asof.revision import code_place
from asof.storage.catalogue import Run, Step

SPACE = uuid.UUID("6f9619ff-8b86-d011-b42d-00c04fc964ff")
"""The name space of the ids of runs: the same run has the same one wherever it is told of."""


@dataclass(frozen=True)
class Events:
    """The events of one run of a job."""

    datasets: Datasets
    run: Run
    job: str = "run"

    def of_run(self, kind: str, time: datetime, error: str | None = None) -> Event:
        """An event of the run as a whole: START, COMPLETE, FAIL or ABORT."""
        return _event(kind, time, self._run("", error), self._job("", "RUN"))

    def of_step(self, kind: str, time: datetime, step: Step) -> list[Event]:
        """An event of a step; of one that held expectations, also what came of these as a job of its own."""
        done = kind != "START"
        tables: Mapping[str, int | None] = step.outputs or {self._table(step): None}
        event = self._event(kind, time, step, step.name)
        event["inputs"] = self._inputs(step, tables)
        event["outputs"] = [self._output(step, table, tables[table], done) for table in tables]
        return [event, *(self._checked(step) if done else [])]

    def _event(self, kind: str, time: datetime, step: Step, name: str) -> Event:
        return _event(kind, time, self._run(name, step.details.get("error")), self._job(name, "STEP"))

    def _inputs(self, step: Step, tables: Mapping[str, int | None]) -> list[dict[str, Any]]:
        outside = [each for table in tables for each in self.datasets.sources(table)]
        read: Mapping[str, int | None] = step.inputs or {
            name: None for table in tables for name in self.datasets.inputs(table)
        }
        return [*outside, *(self.datasets.table(table, version) for table, version in read.items())]

    def _output(self, step: Step, table: str, version: int | None, done: bool) -> dict[str, Any]:
        described = self.datasets.made(table, version)
        if done and version is not None:
            aside = name_in_definitions(table).startswith(ASIDE)
            rows = step.rows_quarantined if aside else step.rows_written
            size = step.bytes_written if len(step.outputs) == 1 else None
            described["outputFacets"] = {"outputStatistics": facets.output_statistics(rows, size)}
        return described

    def _checked(self, step: Step) -> list[Event]:
        outcomes, ended = step.details.get("expectations"), step.finished_at
        if not outcomes or ended is None:
            return []
        table = next(iter(step.outputs), self._table(step))
        checked = self.datasets.table(table, step.outputs.get(table))
        checked["inputFacets"] = {"dataQualityAssertions": facets.assertions(outcomes)}
        name = step.name.replace("clean ", "validate ", 1)
        events = [
            self._event("START", step.started_at, step, name),
            self._event("COMPLETE", ended, step, name),
        ]
        return [{**event, "inputs": [checked]} for event in events]

    def _table(self, step: Step) -> str:
        return self.datasets.workspace.environment.table(_table(step))

    def _run(self, step: str, error: str | None) -> dict[str, Any]:
        engine = facets.processing_engine(self.run.engine)
        found = {"processing_engine": engine}
        if step:
            found["parent"] = facets.parent(self._named(""), self._id(""))
        if error:
            found["errorMessage"] = facets.error(error)
        return {"runId": self._id(step), "facets": found}

    def _job(self, step: str, kind: str) -> dict[str, Any]:
        found = {"jobType": facets.job_type(streaming=not self.run.alone, kind=kind)}
        place = self._code
        if place is not None:
            found["sourceCodeLocation"] = facets.source_code(*place, self.run.code_revision)
        return {**self._named(step), "facets": found}

    def _named(self, step: str) -> dict[str, str]:
        parts = [self.run.environment, self.job, step.replace(" ", "_")]
        namespace = self.datasets.workspace.settings.name
        return {"namespace": namespace, "name": ".".join(part for part in parts if part)}

    def _id(self, step: str) -> str:
        return str(uuid.uuid5(SPACE, f"{self.datasets.workspace.settings.name}/{self.run.id}/{step}"))

    @cached_property
    def _code(self) -> tuple[str, str] | None:
        return code_place(self.datasets.workspace.settings.folder)


def _event(kind: str, time: datetime, run: dict[str, Any], job: dict[str, Any]) -> Event:
    return {
        "eventType": kind,
        "eventTime": time.isoformat(),
        "producer": facets.PRODUCER,
        "schemaURL": facets.SCHEMA,
        "run": run,
        "job": job,
        "inputs": [],
        "outputs": [],
    }


def _table(step: Step) -> str:
    """What definitions call the table that a step is to make, by its name, as "lay out views/spend"."""
    work, _, name = step.name.rpartition(" ")
    return name if "/" in name else f"{_MADE.get(work, work)}/{name}"


_MADE = {
    "ingest": "raw",
    "replay": "raw",
    "drop": "quarantine",
    "publish": "online",
    "build": "training_sets",
}
"""The kind of table that a kind of step makes; "clean" and others have the same name."""
