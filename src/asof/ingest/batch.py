"""What a connector hands over: typed rows, the records that it had to reject, and its next cursor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from asof.storage.quarantine import REJECTED

Cursor = dict[str, Any]
"""Where reading stands, as JSON values; only its connector knows what is inside."""


@dataclass(frozen=True)
class Batch:
    """Records read in one go: `rows_read` is the number of `rows` plus that of `rejected`.

    `rows` has the columns of the source's schema, then those that its contract takes in, as text, in
    the order of the origin. `rejected` has the columns of `asof.storage.quarantine.REJECTED`.
    `ignored` are columns that stood there and that the source does not read, as far as they were met.
    `cursor` says where reading stands after this batch, and is to be committed together with it; None
    where reading can't stop there, so that the batch is committed together with those after it.
    """

    rows: pa.Table
    rejected: pa.Table
    cursor: Cursor | None
    origin: str
    rows_read: int
    ignored: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Rejection:
    """A record that can't be taken: where it starts (from 1), how it stood there, and why not.

    `layout` says how `raw` is to be read; see `asof.storage.quarantine.REJECTED`.
    """

    line: int | None
    raw: str
    reason: str
    column: str | None = None
    layout: str | None = None


@dataclass(frozen=True)
class Fault:
    """A value that its column can't take; `row` counts from 0. `frozen` where it must end the run."""

    row: int
    column: str
    reason: str
    frozen: bool = False


def rejected_table(rejections: Sequence[Rejection], origin: str) -> pa.Table:
    """Rejections from one origin as a table with the columns of `REJECTED`."""
    return pa.table(
        {
            "raw": [each.raw for each in rejections],
            "reason": [each.reason for each in rejections],
            "column": [each.column for each in rejections],
            "origin": [origin] * len(rejections),
            "line": [each.line for each in rejections],
            "layout": [each.layout for each in rejections],
        },
        schema=REJECTED,
    )
