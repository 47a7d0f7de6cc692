"""Findings about values: grouped by view, with examples."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from asof.features.view import SEPARATOR
from asof.leaks.finding import Finding, Json
from asof.transforms.leaks.changed import Mask

EXAMPLES = 3


def of_each_view(
    check: str, differs: Mapping[str, Mask], rows: pa.Table, other: pa.Table, keys: Sequence[str], **said: str
) -> Iterator[Finding]:
    """A finding for each view some of whose features differ, with what stands there and what would."""
    by_view: defaultdict[str, list[str]] = defaultdict(list)
    for name in differs:
        by_view[name.partition(SEPARATOR)[0]].append(name)
    for names in by_view.values():
        concerned = np.logical_or.reduce([differs[name] for name in names])
        feature, at = names[0], np.flatnonzero(differs[names[0]])[:EXAMPLES]
        examples = [
            {**example, "instead": plain(other[feature][int(place)].as_py())}
            for example, place in zip(examples_at(rows, [*keys, "cutoff", feature], at), at, strict=True)
        ]
        yield Finding(
            check=check, what=names, rows=int(concerned.sum()), of=rows.num_rows, examples=examples, **said
        )


def examples_at(
    rows: pa.Table, columns: Sequence[str], places: Sequence[int] | npt.NDArray[np.int64]
) -> list[Json]:
    """Rows as JSON data, with some columns."""
    return [{name: plain(rows[name][int(place)].as_py()) for name in columns} for place in places]


def plain(value: Any) -> Any:
    """A value as JSON data: what JSON does not have as text."""
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
