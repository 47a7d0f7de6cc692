"""Files of a table that none of its needed versions has, and that nobody is about to commit."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime

import pyarrow.fs as fs

from asof.storage.tables.file_names import written_for
from asof.storage.tables.log import is_in, lives


def garbage(
    filesystem: fs.FileSystem,
    table: str,
    files: Sequence[fs.FileInfo],
    needed: Collection[int],
    settled: datetime,
) -> Iterator[fs.FileInfo]:
    """Those of the files under the folder `table`, listed before the catalogue told what is `needed`.

    Kept are the files of the needed versions, and of all that came after these: they may be about to
    count. A file of no version is one that was staged. It can't be committed any more once other
    versions have come after the one that it was written for; before that it goes where it is from before
    `settled`, since when nobody who staged it is at work.
    """
    newest, log = lives(filesystem, table)
    after = range(max(needed, default=-1) + 1, newest + 1)
    kept = sorted({*needed, *after})
    for info in files:
        version = written_for(info.base_name)
        if version is None:
            continue
        lived = log.get(info.path.removeprefix(f"{table}/"))
        if lived is None:
            if version < newest or info.mtime < settled:
                yield info
        elif not is_in(lived, kept):
            yield info
