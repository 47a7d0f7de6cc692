"""Since when, and of which tables, versions are needed whether or not anything names them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from asof.storage.catalogue import Catalogue, Run

GRACE = timedelta(days=1)
"""Whatever is declared, what counted so lately stays: a reader or builder may still be at it."""


class Needs(NamedTuple):
    """Versions that counted `since` then are needed, and all those of the tables that are `whole`."""

    since: datetime
    whole: frozenset[str]


def needs(catalogue: Catalogue, period: timedelta, now: datetime) -> Needs:
    """What is needed where versions are to be kept for a period."""
    since = min(now - period, settled(now, catalogue.runs_at_work()))
    return Needs(since, _whole(catalogue))


def settled(now: datetime, at_work: Sequence[Run]) -> datetime:
    """The moment since when whatever came may be in use, by runs that are at work or by anybody else."""
    return min([now - GRACE, *(run.started_at for run in at_work)])


def _whole(catalogue: Catalogue) -> frozenset[str]:
    """The clean tables that nulls are filled from: rows built anew take them from the versions of then."""
    environments = ["", *(each.name for each in catalogue.environments())]
    revisions = [catalogue.revision(environment=name) for name in environments]
    filled = {
        f"clean/{key.removeprefix('source/')}"
        for revision in filter(None, revisions)
        for key, described in revision.definitions.items()
        if any(step["kind"] == "FillStatistic" for step in described.get("clean", ()))
    }
    tables = (version.table for version in catalogue.tables())
    return frozenset(table for table in tables if "/".join(table.split("/")[-2:]) in filled)
