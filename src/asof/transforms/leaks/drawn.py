"""The rows that drew the lowest lots: a sample that can be taken part by part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from asof.storage.hashing import Words

LOT = "_lot"


@dataclass(frozen=True)
class Drawn:
    """Of some rows all those whose lot, in the column `_lot` (uint64), is less than `below`; None: all."""

    rows: pa.Table
    below: int | None = None

    @property
    def lots(self) -> Words:
        """The lot of each row."""
        return np.asarray(self.rows[LOT].to_numpy(), np.uint64)


def drawn(rows: pa.Table, lots: Words, most: int) -> Drawn:
    """Of `rows` the `most` that drew the lowest lots, fewer where equal lots are at the edge."""
    return _lowest(Drawn(rows.append_column(LOT, pa.array(lots))), most)


def merged(parts: Sequence[Drawn], most: int) -> Drawn:
    """The same of all parts together."""
    known = [part.below for part in parts if part.below is not None]
    below = min(known, default=None)
    return _lowest(Drawn(pa.concat_tables([_below(part, below) for part in parts]), below), most)


def _below(part: Drawn, below: int | None) -> pa.Table:
    if below is None or part.below == below:
        return part.rows
    return part.rows.filter(pc.less(part.rows[LOT], pa.scalar(below, pa.uint64())))


def _lowest(part: Drawn, most: int) -> Drawn:
    if part.rows.num_rows <= most:
        return part
    below = int(np.partition(part.lots, most)[most])
    return Drawn(_below(part, below), below)
