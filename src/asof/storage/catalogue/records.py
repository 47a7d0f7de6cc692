"""What the catalogue records, as plain values. All times are aware and in UTC."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, NamedTuple

Json = Mapping[str, Any]
RunStatus = Literal["running", "succeeded", "failed", "lost"]
StepStatus = Literal["running", "succeeded", "failed", "skipped"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TableVersion:
    """One committed version of a table, and all that one needs to go on from it.

    `version` is the number that the table store gave. `definition` is the hash of the definition
    that the rows were made by, `inputs` the versions of the tables that they were made from,
    `through` the greatest `_sequence` taken in (-1 for none), `cursor` where the source goes on.
    `freed_at` is when its files were let go of, since when its rows can't be read.
    """

    table: str
    version: int
    run: str
    committed_at: datetime
    definition: str = ""
    inputs: Mapping[str, int] = field(default_factory=dict)
    through: int = -1
    cursor: Json | None = None
    rows: int = 0
    bytes: int = 0
    details: Json = field(default_factory=dict)
    freed_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The version of every table that counted at one moment, by table, and the revision applied then."""

    name: str
    taken_at: datetime
    who: str
    revision: int | None
    versions: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One invocation that changes data. `code_revision` is that of the team's repository.

    `host` and `process` are where it runs, `seen_at` when it last said so. A run that is "lost" ended
    without a word, as one that was killed. One that is `alone` lets no other such run of its `environment`
    ("": production) start beside it.
    """

    id: str
    started_at: datetime
    finished_at: datetime | None = None
    status: RunStatus = "running"
    who: str = ""
    engine: str = ""
    code_revision: str = ""
    error: str | None = None
    host: str = ""
    process: int = 0
    seen_at: datetime | None = None
    alone: bool = True
    environment: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of a run and where its rows went: read = written + quarantined + dropped.

    `inputs` are the versions of the tables that it read, `outputs` those that it made.
    """

    run: str
    name: str
    status: StepStatus
    started_at: datetime
    finished_at: datetime | None = None
    rows_read: int = 0
    rows_written: int = 0
    rows_quarantined: int = 0
    rows_dropped: int = 0
    bytes_written: int = 0
    inputs: Mapping[str, int] = field(default_factory=dict)
    outputs: Mapping[str, int] = field(default_factory=dict)
    details: Json = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """A part of a backfill of a table that is done, and waits until all are, to be committed with them.

    `backfill` tells apart backfills of other ranges, definitions or versions; `files` are where its rows are.
    """

    backfill: str
    number: int
    table: str
    run: str
    finished_at: datetime
    rows_read: int
    rows: int
    files: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """The definitions that were applied together, numbered from 1 in each environment ("": production).

    `code_revision` is that of the team's repository, `rolled_back_to` the older revision whose
    definitions these are, where it is a roll-back.
    """

    number: int
    applied_at: datetime
    who: str
    definitions: Json
    hash: str
    environment: str = ""
    code_revision: str = ""
    rolled_back_to: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """An environment: who made it, when, and the revision of production whose changes it has (None: none)."""

    name: str
    made_at: datetime
    who: str
    based_on: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingSetVersion:
    """One version of a training set with its manifest."""

    name: str
    version: int
    created_at: datetime
    manifest: Json


class Manifest(NamedTuple):
    """A training set's manifest on its way into the catalogue."""

    name: str
    version: int
    manifest: Json
