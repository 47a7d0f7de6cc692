"""What is in a project's storage, listed once."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow.fs as fs

from asof.storage.tables.log import LOG
from asof.workspace import SCRATCH

_FOLDER = re.compile(f"{SCRATCH}/[^/]+")


@dataclass(frozen=True)
class Listing:
    """The files in the folder of each table, and in each of the folders in scratch."""

    tables: Mapping[str, Sequence[fs.FileInfo]]
    scratch: Mapping[str, Sequence[fs.FileInfo]]


def listing(storage: fs.FileSystem) -> Listing:
    """List a project's storage. What is neither a table nor scratch, as the catalogue, is left out."""
    everything = storage.get_file_info(fs.FileSelector("", recursive=True, allow_not_found=True))
    found = [info for info in everything if info.type == fs.FileType.File]
    scratch: dict[str, list[fs.FileInfo]] = {
        info.path: [] for info in everything if _FOLDER.fullmatch(info.path)
    }
    logs = {info.path.partition(f"/{LOG}/")[0] for info in found if f"/{LOG}/" in info.path}
    tables: defaultdict[str, list[fs.FileInfo]] = defaultdict(list)
    for info in found:
        for folder in _folders(info.path) & scratch.keys():
            scratch[folder].append(info)
        for table in sorted(_folders(info.path) & logs)[-1:]:  # the innermost, as one may lie in another
            tables[table].append(info)
    return Listing(tables, scratch)


def _folders(path: str) -> set[str]:
    """All folders that a file is in, however deep."""
    parts = path.split("/")
    return {"/".join(parts[:depth]) for depth in range(1, len(parts))}
