"""The names of a table's files, which sort as the rows of the table do.

A file is named by the version that it was written for, its part, and its place among the files of that
part. One that takes the place of others sorts where the first of them did, and says at its end for
which version it was written.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from itertools import count

_NAME = re.compile(r"(\d{8,})-(-?\d{4,})-(\d{5,})-[0-9a-f-]{36}(?:-for-(\d{8,}))?\.parquet")


def new_names(version: int, part: int) -> Iterator[str]:
    """Names of new files of a coming version, such that they sort by version, then by part, then in order."""
    for place in count():
        yield f"{_place(version, part, place)}-{uuid.uuid4()}.parquet"


def names_in_place_of(name: str, version: int) -> Iterator[str]:
    """Names of files of a coming version that stand where `name` and all that come after it stood."""
    known = _NAME.fullmatch(name)
    assert known is not None
    for place in count(int(known[3])):
        yield f"{_place(int(known[1]), int(known[2]), place)}-{uuid.uuid4()}-for-{version:08d}.parquet"


def written_for(name: str) -> int | None:
    """The version that a file was written for; None where the name is not one of ours.

    >>> written_for(next(new_names(12, 0))), written_for("part-00000.parquet")
    (12, None)
    >>> written_for(next(names_in_place_of(next(new_names(12, 0)), 31)))
    31
    """
    known = _NAME.fullmatch(name)
    return int(known[4] or known[1]) if known else None


def _place(version: int, part: int, place: int) -> str:
    return f"{version:08d}-{part:05d}-{place:05d}"
