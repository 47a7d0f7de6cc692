"""The parts of a raw table cleaned: one by one, or by way of the buckets of what they have in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from asof.steps.context import Context
from asof.storage.folder import Folder
from asof.storage.shuffle import Shuffle
from asof.storage.tables import Base
from asof.transforms.buckets import buckets_for
from asof.transforms.clean_job import CleanedPart, CleanJob, PerPart, clean_part
from asof.transforms.cleaning.previous_job import (
    candidate_schema,
    find_previous,
    previous_steps,
    send_candidates,
    value_schema,
)
from asof.transforms.cleaning.repeats_job import (
    REPEATS,
    clean_and_wait,
    find_repeats,
    key_schema,
    send_earlier,
    stage_kept,
)
from asof.transforms.parts import Part, parts_of

Parts = Sequence[Part]


def cleaned_parts(
    context: Context, job: CleanJob, into: Base, first: int, end: int
) -> list[CleanedPart] | None:
    """Stage the clean rows of the raw ones from `_sequence` `first` to before `end`.

    None, and nothing is staged, where they change what came of rows before `first`.
    """
    old = parts_of(0, first) if first else []
    new = [replace(part, number=part.number + len(old)) for part in parts_of(first, end)]
    if not previous_steps(job):
        return _compared(context, job, into, old, new)
    with context.scratch() as folder:
        filled = _with_previous(context, job, folder, old, new)
        return None if filled is None else _compared(context, filled, into, old, new)


def _with_previous(
    context: Context, job: CleanJob, folder: Folder, old: Parts, new: Parts
) -> CleanJob | None:
    """The job with the previous values of all parts; None where new rows have one for old rows."""
    for position, _ in previous_steps(job):
        found, reaches_back = _previous(context, job, folder, position, old, new)
        if reaches_back:
            return None
        job = replace(job, previous=(*job.previous, (position, found)))
    return job


def _previous(
    context: Context, job: CleanJob, folder: Folder, position: int, old: Parts, new: Parts
) -> tuple[PerPart, int]:
    """The previous values for one step, and how many of old rows come from new ones."""
    step, parts = dict(previous_steps(job))[position], [*old, *new]
    schema = candidate_schema(job, position)
    keyed = Shuffle(folder, schema, buckets_for(new[-1].end))
    to = Shuffle(folder, value_schema(schema), len(parts))
    sent = list(context.map("previous values, part", partial(send_candidates, job, position, keyed), parts))
    starts = [part.first for part in parts]
    kernel = partial(find_previous, step.by, keyed, sent, to, starts, new[0].first)
    found = list(context.map("previous values, bucket", kernel, range(keyed.buckets)))
    return PerPart(to, tuple(sent for sent, _ in found)), sum(reaches_back for _, reaches_back in found)


def _compared(
    context: Context, job: CleanJob, into: Base, old: Parts, new: Parts
) -> list[CleanedPart] | None:
    """All new parts, staged; None where one of them takes the place of old rows."""
    if job.dedupes and len(new) > 1:
        with context.scratch() as folder:
            return _deduped(context, job, into, folder, old, new)
    done = list(context.map("part", partial(clean_part, job, into), new))
    return None if any(part.reaches_back for part in done) else done


def _deduped(
    context: Context, job: CleanJob, into: Base, folder: Folder, old: Parts, new: Parts
) -> list[CleanedPart] | None:
    """All new parts, staged by way of the buckets of their keys."""
    rows = Shuffle(folder, job.schema(), 1)
    keys = Shuffle(folder, key_schema(job), buckets_for(new[-1].end))
    waiting = list(context.map("part", partial(clean_and_wait, job, rows, keys), new))
    earlier = list(context.map("earlier part", partial(send_earlier, job, keys), old))
    sent = [part.keys for part in waiting]
    to = Shuffle(folder, REPEATS, len(old) + len(new))
    starts = [part.first for part in (*old, *new)]
    kernel = partial(find_repeats, job, keys, sent, earlier, to, starts)
    found = list(context.map("bucket", kernel, range(keys.buckets)))
    if any(reaches_back for _, reaches_back in found):
        return None
    repeats = PerPart(to, tuple(sent for sent, _ in found))
    tasks = list(zip(new, waiting, strict=True))
    return list(context.map("kept rows", partial(stage_kept, job, rows, repeats, into), tasks))
