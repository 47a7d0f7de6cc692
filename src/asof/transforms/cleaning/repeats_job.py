"""Dropping repeated rows of many parts: keys are sent to buckets, and what repeats is sent back to the parts.

Only one part or one bucket of keys is in memory at a time. Clean rows wait in a file of their part
until it is known which of them stay, and so are written in the order of `_sequence`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from asof.features.cleaning import Dedupe
from asof.storage.layout import SEQUENCE, Buckets
from asof.storage.shuffle import Shuffle, Shuffled
from asof.storage.tables import Base
from asof.transforms.clean_job import CleanedPart, CleanJob, PerPart, staged, unstaged
from asof.transforms.cleaning.clean import with_dropped
from asof.transforms.cleaning.previous_job import part_of
from asof.transforms.cleaning.repeats import compared_columns, dedupe_step, kept, key_hashes
from asof.transforms.parts import Part

REPEATS = pa.schema([(SEQUENCE, pa.int64())])


@dataclass(frozen=True)
class Waiting:
    """A part whose clean rows wait in a file: its accounting, the file, and its keys on their way."""

    accounted: CleanedPart
    rows: Shuffled
    keys: Shuffled


def clean_and_wait(job: CleanJob, rows: Shuffle, keys: Shuffle, part: Part) -> Waiting:
    """Clean a part, put its rows into a file and send their keys to buckets."""
    read, cleaned = job.cleaned(part)
    waiting = rows.write(cleaned.rows, np.zeros(cleaned.rows.num_rows, np.int32))
    return Waiting(unstaged(read, cleaned), waiting, _send_keys(job, cleaned.rows, keys))


def send_earlier(job: CleanJob, keys: Shuffle, part: Part) -> Shuffled:
    """Send the keys of clean rows of before, of a range of `_sequence`, to the same buckets."""
    assert job.before is not None
    table, version = job.before
    sequence = pc.field(SEQUENCE)
    within = (sequence >= part.first) & (sequence < part.end)
    return _send_keys(job, table.read(version, list(compared_columns(job.source)), within), keys)


def find_repeats(
    job: CleanJob,
    keys: Shuffle,
    new: Sequence[Shuffled],
    earlier: Sequence[Shuffled],
    to: Shuffle,
    starts: Sequence[int],
    bucket: int,
) -> tuple[Shuffled, int]:
    """Send the new rows of a bucket that do not stay to their parts; how many earlier ones they replace."""
    rows, before = keys.read(new, bucket), keys.read(earlier, bucket)
    stay = kept(rows, job.source, _step(job), before if earlier else None)
    repeats = rows.select([SEQUENCE]).filter(pa.array(~stay.rows))
    return to.write(repeats, part_of(repeats[SEQUENCE], starts)), stay.reaches_back


def stage_kept(
    job: CleanJob, rows: Shuffle, repeats: PerPart, into: Base, task: tuple[Part, Waiting]
) -> CleanedPart:
    """Stage the rows of a part that stay."""
    part, waiting = task
    cleaned = rows.read([waiting.rows], 0)
    gone = pc.is_in(cleaned[SEQUENCE], repeats.read(part)[SEQUENCE].combine_chunks())
    stay = cleaned.filter(pc.invert(gone))
    position = _position(job)
    steps = with_dropped(waiting.accounted.steps, position, cleaned.num_rows - stay.num_rows)
    return staged(job, replace(waiting.accounted, steps=steps), stay, into, part)


def key_schema(job: CleanJob) -> pa.Schema:
    """The schema of keys on their way."""
    schema = job.schema()
    return pa.schema([schema.field(name) for name in compared_columns(job.source)])


def _send_keys(job: CleanJob, rows: pa.Table, keys: Shuffle) -> Shuffled:
    bucket: Buckets = (key_hashes(rows, _step(job).columns) % np.uint64(keys.buckets)).astype(np.int32)
    return keys.write(rows.select(keys.schema.names), bucket)


def _step(job: CleanJob) -> Dedupe:
    found = dedupe_step(job.source)
    assert found is not None
    return found[1]


def _position(job: CleanJob) -> int:
    return job.source.clean.index(_step(job))
