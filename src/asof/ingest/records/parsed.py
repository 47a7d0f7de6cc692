"""The records of a file, as a format finds them and as its source wants them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from asof.features.source import Source
from asof.ingest.batch import Fault, Rejection
from asof.ingest.schema.contract import LINE, frozen_out, judged
from asof.ingest.values.conversion import converted


@dataclass(frozen=True)
class Records:
    """Records that have all columns, as text or Arrow values, and those that don't.

    `locate` tells of the record at a position (from 0) its line (from 1) and its raw text, `layout`
    how raw text is to be read, as in `asof.storage.quarantine.REJECTED`.
    """

    values: pa.Table
    locate: Callable[[int], tuple[int, str]]
    malformed: Sequence[Rejection] = ()
    layout: str | None = None


@dataclass(frozen=True)
class Parsed:
    """The rows of a file in the source's schema, and the records that can't be rows.

    `ignored` as in `asof.ingest.batch.Batch`.
    """

    rows: pa.Table
    rejections: Sequence[Rejection]
    ignored: frozenset[str] = frozenset()


def parsed(records: Records, source: Source) -> Parsed:
    """The records typed; one with a value that its column can't take is rejected whole.

    DataError names the line of a record that the source's contract freezes out.
    """
    rows, faults = converted(records.values, source)
    by_row = _by_row(records, faults)
    rejections = [_rejection(records, row, by_row[row]) for row in by_row]
    ordered = sorted([*records.malformed, *rejections], key=lambda rejection: rejection.line or 0)
    taken = _with_lines(rows, records, source)
    if by_row:
        taken = taken.filter(pa.array([row not in by_row for row in range(rows.num_rows)], pa.bool_()))
    return Parsed(taken, [replace(each, layout=records.layout) for each in ordered])


def _by_row(records: Records, faults: Sequence[Fault]) -> dict[int, list[Fault]]:
    by_row: dict[int, list[Fault]] = defaultdict(list)
    for fault in faults:
        by_row[fault.row].append(fault)
    for fault in sorted(faults, key=lambda fault: fault.row):
        if fault.frozen:
            raise frozen_out(f"line {records.locate(fault.row)[0]}", fault)
    return by_row


def _with_lines(rows: pa.Table, records: Records, source: Source) -> pa.Table:
    """The rows, with the lines of those that may yet be found at fault."""
    suspects = judged(rows, source)
    if not len(suspects):
        return rows
    lines = np.zeros(rows.num_rows, np.int64)
    lines[suspects] = [records.locate(int(row))[0] for row in suspects]
    return rows.append_column(LINE, pa.array(lines, mask=lines == 0))


def _rejection(records: Records, row: int, faults: list[Fault]) -> Rejection:
    reason = "; ".join(fault.reason for fault in faults)
    line, raw = records.locate(row)
    return Rejection(line, raw, reason, faults[0].column)
