"""What nothing needs: found first, and then let go of.

Versions are marked as freed in the catalogue before any of their files goes, and which files go is
always worked out from the marks. So whoever is killed half way leaves nothing that the next does not
finish, and a version that is not marked has all of its files.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import pyarrow.fs as fs

from asof.retention.listing import Listing, listing
from asof.retention.needs import needs, settled
from asof.storage.catalogue import Numbered
from asof.storage.tables.garbage import garbage
from asof.storage.tables.log import LOG
from asof.workspace import SCRATCH, Workspace

Files = Sequence[fs.FileInfo]


@dataclass(frozen=True)
class Unneeded:
    """What nothing needs of a table, or of what a run has left in scratch: versions, files, their bytes.

    Where nothing of it is needed it is `dropped`: its folder goes too.
    """

    name: str
    versions: tuple[int, ...]
    files: int
    bytes: int
    dropped: bool = False


def unneeded(workspace: Workspace, now: datetime) -> list[Unneeded]:
    """What may go, by table, and then what ended runs have left in scratch."""
    period = workspace.settings.retention
    old = workspace.catalogue.unneeded(*needs(workspace.catalogue, period, now)) if period else []
    return [found for found, _ in _found(workspace, now, old)]


def collect(workspace: Workspace, chosen: Iterable[Unneeded], now: datetime) -> Iterator[Unneeded]:
    """Free the versions that were chosen and are not needed still; remove all files that nothing needs.

    Gives what went, as it goes.
    """
    wanted = [Numbered(each.name, number) for each in chosen for number in each.versions]
    period = workspace.settings.retention
    freed = workspace.catalogue.free(wanted, *needs(workspace.catalogue, period, now)) if period else []
    for found, files in _found(workspace, now, freed):
        workspace.folder().remove(info for info in files if f"/{LOG}/" not in info.path)
        if found.dropped and workspace.catalogue.current(found.name) is None:
            workspace.folder(found.name).delete()
        yield found
    _sweep_online(workspace)


def _found(
    workspace: Workspace, now: datetime, freed: Sequence[Numbered]
) -> Iterator[tuple[Unneeded, Files]]:
    """What nothing needs once these versions are freed, with its files.

    Storage is listed first: what comes while one looks is not in the list, or is needed.
    """
    storage = workspace.folder().filesystem()
    listed = listing(storage)
    at_work, readable = workspace.catalogue.runs_at_work(), workspace.catalogue.readable()
    before, of = settled(now, at_work), _by_table(freed)
    dropped = () if at_work else _dropped(listed, readable, before)
    for table, there in sorted(listed.tables.items()):
        needed = readable.get(table, set()).difference(of[table])
        files = there if table in dropped else list(garbage(storage, table, there, needed, before))
        if of[table] or files:
            yield _unneeded(table, tuple(of[table]), files, dropped=table in dropped), files
    in_use = tuple(f"{SCRATCH}/{run.id}." for run in at_work)
    for folder, files in sorted(listed.scratch.items()):
        if not folder.startswith(in_use):
            yield _unneeded(folder, (), files, dropped=True), files


def _by_table(versions: Iterable[Numbered]) -> defaultdict[str, list[int]]:
    found: defaultdict[str, list[int]] = defaultdict(list)
    for table, number in versions:
        found[table].append(number)
    return found


def _dropped(listed: Listing, readable: Collection[str], settled: datetime) -> set[str]:
    """The tables that the catalogue does not have, with nothing new in them, and no table that it may have.

    None where it has none of all: then it is the catalogue of something else.
    """
    if not listed.tables.keys() & set(readable):
        return set()
    unknown = listed.tables.keys() - set(readable)
    old = {table for table in unknown if all(info.mtime < settled for info in listed.tables[table])}
    return {table for table in old if not any(other.startswith(f"{table}/") for other in listed.tables)}


def _sweep_online(workspace: Workspace) -> None:
    """Let go of what killed publications have left, where none is at work."""
    published = any(version.table.startswith("online/") for version in workspace.catalogue.tables())
    if published and not workspace.catalogue.runs_at_work():
        workspace.online.sweep()


def _unneeded(name: str, versions: tuple[int, ...], files: Files, *, dropped: bool = False) -> Unneeded:
    return Unneeded(name, versions, len(files), sum(info.size for info in files), dropped)
