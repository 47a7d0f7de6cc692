"""Leaks in values: features are computed anew from what could have been known, and compared."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from asof.features.source import Source
from asof.leaks.case import Case, Few
from asof.leaks.finding import Finding
from asof.leaks.reports import of_each_view
from asof.storage.catalogue import TableVersion
from asof.storage.instants import nanoseconds
from asof.transforms.kernels.instants import Ints
from asof.transforms.leaks.changed import Mask, changed
from asof.transforms.leaks.seen import ALWAYS, Arrivals, Arrived, Until

MOMENTS = 5
"""Moments at which the future is taken away."""


def future(case: Case) -> Iterator[Finding]:
    """Features that do not come out the same from what had happened and was known at the cut-off."""
    few = case.few
    taken, past = _past(few)
    stored = few.respected.take(pa.array(taken))
    differs = changed(stored, past, case.features)
    if not differs:
        return
    ahead = changed(few.whole.take(pa.array(taken)), past, case.features)
    for looks_ahead, why in ((True, _AHEAD), (False, _OTHER_ROWS)):
        found = {name: rows for name, rows in differs.items() if (name in ahead) == looks_ahead}
        yield from of_each_view("future", found, stored, past, case.keys, why=why, change=_ROW_BY_ROW)


_AHEAD = "other values once what happened or became known after the cut-off is taken away"
_OTHER_ROWS = "other values when computed from the rows of their entities alone"
_ROW_BY_ROW = (
    "let the transform compute each row from that row alone; what is over several rows belongs into "
    "aggregates or an aggregate function, which see only what a cut-off sees"
)


def _past(few: Few) -> tuple[Ints, pa.Table]:
    """At several moments the last row of each entity up to it, with features of what was known then."""
    times = _nanoseconds(few.rows["cutoff"])
    known = np.unique(times)
    moments = known[np.unique(np.linspace(0, len(known) - 1, MOMENTS).astype(int))].tolist()
    taken, parts = np.empty(0, np.int64), []
    for moment in moments:
        places = np.setdiff1d(_last_of_each(few.entities, times, moment), taken)
        taken = np.concatenate([taken, places])
        parts.append(few.features(Until(moment), places))
    return taken, pa.concat_tables(parts)


def _last_of_each(entities: np.ndarray, times: Ints, moment: int) -> Ints:
    order = np.lexsort([times, entities])
    order = order[times[order] <= moment]
    last = np.diff(entities[order], append=0) != 0
    last[-1:] = True
    return order[last]


def late(case: Case) -> Iterator[Finding]:
    """Features that see rows which came in after the source had gone on beyond the cut-off.

    Cut-offs from before a source was first read are history, of which nobody can say when it came.
    """
    for source in case.sources.values():
        if source.event_time is None:
            continue
        versions = _growth(case, f"clean/{source.name}")
        if len(versions) < 2:
            continue
        through = [version.through for version in versions]
        since = [ALWAYS, *(_reached(version) + 1_000 for version in versions[:-1])]
        asked = _nanoseconds(case.few.rows["cutoff"]) > nanoseconds(versions[0].committed_at)
        yield from _moved(
            case,
            source,
            Arrivals(through, since),
            asked,
            "late",
            why=f"made from rows of source {source.name!r} that came after it had gone on beyond the cut-off",
            change=_created(source),
        )


def _created(source: Source) -> str:
    if source.created is None:
        return f"declare created= in source {source.name!r}: the column that says since when a row is known"
    return f"column {source.created!r} of source {source.name!r} says earlier than rows came; correct it"


def _reached(version: TableVersion) -> int:
    """How far a source had gone by its own clock, in ns."""
    known = version.details["latest_known"]
    reached: int | None = version.details["complete_until"] if known is None else known
    return ALWAYS if reached is None else reached


def history(case: Case) -> Iterator[Finding]:
    """Attributes without history that a cut-off sees although they were loaded after it."""
    for source in case.sources.values():
        if source.known_since is None:
            continue
        versions = _growth(case, f"raw/{source.name}")
        if not versions:
            continue
        loaded = [nanoseconds(version.committed_at) for version in versions]
        arrivals = Arrivals([version.through for version in versions], loaded)
        asked = np.ones(case.few.rows.num_rows, bool)
        first = versions[0].committed_at
        yield from _moved(
            case,
            source,
            arrivals,
            asked,
            "history",
            why=f"from source {source.name!r}, which has no times and was first loaded after these "
            f"cut-offs, on {first:%Y-%m-%d}; joined as if known since {source.known_since:%Y-%m-%d}",
            change="bring a history with an event_time= and created=, leave these features out, "
            'or where they never change: [leaks] history = "ignore"',
        )


def _growth(case: Case, table: str) -> list[TableVersion]:
    """The versions in which a table grew to what it is, oldest first."""
    now = case.inputs[table]
    all_of_them = case.workspace.catalogue.history(now.table, before=now.version + 1)[::-1]
    grown, through = [], -1
    for version in all_of_them:
        if version.version >= now.details["rebuilt"] and version.through > through:
            grown.append(version)
            through = version.through
    return grown


def _moved(
    case: Case, source: Source, arrivals: Arrivals, asked: Mask, check: str, **said: str
) -> Iterator[Finding]:
    """Findings of values that change where rows of a source are known only from when they came."""
    if not asked.any():
        return
    places = np.flatnonzero(asked)
    whole = case.few.whole.take(pa.array(places))
    moved = case.few.features(Arrived({source.name: arrivals}), places)
    differs = changed(whole, moved, case.features)
    yield from of_each_view(check, differs, whole, moved, case.keys, **said)


def known_at(case: Case) -> Iterator[Finding]:
    """Features of a training set with known_at="ignore" that see what became known after the cut-off."""
    if case.job.wanted.known_at == "respect":
        return
    rows, whole = case.few.rows, case.few.whole
    yield from of_each_view(
        "known_at",
        changed(rows, whole, case.features),
        rows,
        whole,
        case.keys,
        why="other values when a row counts only from when it was known",
        change='leave out known_at="ignore"',
    )


def _nanoseconds(times: pa.ChunkedArray) -> Ints:
    return np.asarray(times.cast(pa.timestamp("ns", "UTC")).cast(pa.int64()).to_numpy(), np.int64)
