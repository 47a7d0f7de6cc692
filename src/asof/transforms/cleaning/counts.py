"""What each cleaning step did to the rows, as the run record says it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

SHOWN = 20
_KEPT = 1000

TextCounts = tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class StepCount:
    """What a step did: rows that it dropped, changed a value of, left a null in, or sent to quarantine.

    `nulled` are rows whose text it could not read and so made null, `unfilled` those with a null that it
    had no value for. `unread` are the texts that could not be read and the rows with each, most first.
    """

    position: int
    step: str
    dropped: int
    changed: int
    nulled: int = 0
    quarantined: int = 0
    unfilled: int = 0
    unread: TextCounts = ()

    def with_dropped(self, more: int) -> StepCount:
        """The count with more rows dropped."""
        return replace(self, dropped=self.dropped + more)


def merged(parts: Sequence[Sequence[StepCount]]) -> list[StepCount]:
    """What each step did to the rows of all parts."""
    return [_merged(same) for same in zip(*parts, strict=True)]


def text_counts(texts: pa.ChunkedArray) -> TextCounts:
    """The texts of a column with the rows of each, without nulls; of very many the most frequent."""
    counted = pc.value_counts(texts.drop_null().combine_chunks())
    return _most(Counter({item["values"]: item["counts"] for item in counted.to_pylist()}), _KEPT)


def _merged(same: Sequence[StepCount]) -> StepCount:
    totals: Counter[str] = Counter()
    for count in same:
        totals.update(dict(count.unread))
    return replace(
        same[0],
        dropped=_total(same, "dropped"),
        changed=_total(same, "changed"),
        nulled=_total(same, "nulled"),
        quarantined=_total(same, "quarantined"),
        unfilled=_total(same, "unfilled"),
        unread=_most(totals, SHOWN),
    )


def _total(counts: Iterable[Any], field: str) -> int:
    return sum(getattr(count, field) for count in counts)


def _most(counts: Counter[str], number: int) -> TextCounts:
    return tuple(sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:number])
