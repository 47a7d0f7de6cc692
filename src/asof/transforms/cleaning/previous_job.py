"""Finding previous values in all parts of a source: rows are sent to their keys, values to their parts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from asof.features.cleaning import FillPrevious
from asof.storage.layout import Buckets, bucket_of
from asof.storage.shuffle import Shuffle, Shuffled
from asof.transforms.clean_job import CleanJob
from asof.transforms.cleaning.previous import candidates, previous_values
from asof.transforms.parts import Part


def previous_steps(job: CleanJob) -> list[tuple[int, FillPrevious]]:
    """The steps that fill nulls from previous rows, with their positions."""
    return [(i, step) for i, step in enumerate(job.source.clean) if isinstance(step, FillPrevious)]


def candidate_schema(job: CleanJob, position: int) -> pa.Schema:
    """The schema of what is sent to the keys."""
    empty = job.raw.schema(job.version).empty_table()
    return candidates(empty, job.source, {}, position).schema


def value_schema(candidates: pa.Schema) -> pa.Schema:
    """The schema of what is sent back to the parts."""
    return pa.schema([("_of", pa.int64()), candidates.field("_value")])


def send_candidates(job: CleanJob, position: int, to: Shuffle, part: Part) -> Shuffled:
    """Send the rows of a part, as the step is given them, to the buckets of their keys."""
    step = job.source.clean[position]
    assert isinstance(step, FillPrevious)
    found = candidates(
        part.read(job.raw, job.version, job.raw_columns), job.source, job.given(part), position
    )
    return to.write(found, bucket_of(found, step.by, to.buckets))


def find_previous(
    by: tuple[str, ...],
    keyed: Shuffle,
    sent: Sequence[Shuffled],
    to: Shuffle,
    starts: Sequence[int],
    first: int,
    bucket: int,
) -> tuple[Shuffled, int]:
    """Send the values for the nulls of a bucket to their parts; how many of old rows come from new ones."""
    found = previous_values(keyed.read(sent, bucket), by, first)
    return to.write(found.values, part_of(found.values["_of"], starts)), found.reaches_back


def part_of(sequences: pa.ChunkedArray, starts: Sequence[int]) -> Buckets:
    """The number of the part of each row, by the `_sequence` that each part starts with."""
    return (np.searchsorted(starts, sequences.to_numpy(), side="right") - 1).astype(np.int32)
