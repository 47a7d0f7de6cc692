"""The records of a file, as a format finds them and as its source wants them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pyarrow as pa

from asof.features.source import Source
from asof.ingest.batch import Rejection
from asof.ingest.conversion import Fault, converted


@dataclass(frozen=True)
class Records:
    """Records that have all columns, as text or Arrow values, and those that don't.

    `locate` tells of the record at a position (from 0) its line (from 1) and its raw text.
    """

    values: pa.Table
    locate: Callable[[int], tuple[int, str]]
    malformed: Sequence[Rejection] = ()


@dataclass(frozen=True)
class Parsed:
    """The rows of a file in the source's schema, and the records that can't be rows."""

    rows: pa.Table
    rejections: Sequence[Rejection]


def parsed(records: Records, source: Source) -> Parsed:
    """The records typed; one with a value that its column can't take is rejected whole."""
    rows, faults = converted(records.values, source)
    if not faults:
        return Parsed(rows, records.malformed)
    by_row: dict[int, list[Fault]] = defaultdict(list)
    for fault in faults:
        by_row[fault.row].append(fault)
    rejections = [_rejection(records, row, by_row[row]) for row in by_row]
    good = [row not in by_row for row in range(rows.num_rows)]
    ordered = sorted([*records.malformed, *rejections], key=lambda rejection: rejection.line)
    return Parsed(rows.filter(pa.array(good, pa.bool_())), ordered)


def _rejection(records: Records, row: int, faults: list[Fault]) -> Rejection:
    reason = "; ".join(fault.reason for fault in faults)
    line, raw = records.locate(row)
    return Rejection(line, raw, reason, faults[0].column)
