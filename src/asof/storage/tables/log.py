"""A table's log read through once: for how long each file was part of the table.

It is read by us and not version by version, which would read it again from its start for each.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import NamedTuple
from urllib.parse import unquote

import msgspec
import pyarrow.fs as fs

LOG = "_delta_log"
_AT_ONCE = 16
_ENTRY = ".json"

Lives = Mapping[str, Sequence[range]]
"""By its path: the versions from which and until which each file was part of the table."""


class _Entry(NamedTuple):
    """The paths of the files that one entry adds and removes."""

    added: set[str]
    removed: set[str]


def lives(filesystem: fs.FileSystem, table: str) -> tuple[int, Lives]:
    """The newest version of the table in a folder, and the lives of all its files by their paths within it.

    Files of the newest version live on: their last range ends behind it.
    """
    listed = filesystem.get_file_info(fs.FileSelector(f"{table}/{LOG}", recursive=False))
    numbered = sorted(
        (int(info.base_name.removesuffix(_ENTRY)), info.path) for info in listed if _is_entry(info)
    )
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="asof-log") as threads:
        entries = threads.map(partial(_entry, filesystem), [path for _, path in numbered])
        return _replayed(zip((number for number, _ in numbered), entries, strict=True))


def _replayed(entries: Iterable[tuple[int, _Entry]]) -> tuple[int, Lives]:
    found: defaultdict[str, list[range]] = defaultdict(list)
    since: dict[str, int] = {}
    version = -1
    for version, entry in entries:
        for path in entry.removed & since.keys():
            found[path].append(range(since.pop(path), version))
        since |= dict.fromkeys(entry.added - since.keys(), version)
    for path, first in since.items():
        found[path].append(range(first, version + 1))
    return version, found


def is_in(lives: Sequence[range], versions: Sequence[int]) -> bool:
    """Whether a file is part of one of these versions, which are sorted."""
    firsts = [(life, bisect_left(versions, life.start)) for life in lives]
    return any(first < len(versions) and versions[first] in life for life, first in firsts)


def _is_entry(info: fs.FileInfo) -> bool:
    return info.base_name.endswith(_ENTRY) and info.base_name.removesuffix(_ENTRY).isdigit()


def _entry(filesystem: fs.FileSystem, path: str) -> _Entry:
    with filesystem.open_input_stream(path) as stream:
        actions = [msgspec.json.decode(line) for line in bytes(stream.read()).splitlines() if line]
    added, removed = (
        {unquote(action[kind]["path"]) for action in actions if kind in action} for kind in ("add", "remove")
    )
    return _Entry(added, removed)
