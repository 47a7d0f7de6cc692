"""What every connector must do: the suite that a connector of one's own subclasses."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar, Protocol

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from asof.features.readers.reader import Reader
from asof.features.source import Source
from asof.features.types import Decimal as DecimalType
from asof.features.types import DType, Int64, String, Timestamp
from asof.ingest.batch import Batch, Cursor
from asof.ingest.connector import Connector, open_connector
from asof.ingest.place import Place
from asof.storage.quarantine import REJECTED

Row = dict[str, Any]

SCHEMA: dict[str, DType | str] = {
    "id": Int64,
    "name": String,
    "amount": DecimalType(10, 2),
    "at": Timestamp,
}
"""The columns of the rows that are added."""


class Outside(Protocol):
    """The world that the connector under test reads from; a test begins with an empty one."""

    @property
    def reader(self) -> Reader:
        """What reads it."""
        ...

    def add(self, rows: Sequence[Row]) -> None:
        """Add rows with the columns of `SCHEMA`: an int, a text or None, a decimal or None, a time in UTC."""
        ...

    def spoil(self) -> bool:
        """Add one record that can't be a row, as with a word for its `id`; False where there can't be one."""
        ...


class ConnectorTests:
    """Subclass it with a fixture `outside`, and one `root` where the project's folder matters."""

    added: ClassVar[Mapping[str, DType | str]] = {}
    """Columns that the reader must have beside those of `SCHEMA`, as for what it tells of its own."""

    @pytest.fixture
    def outside(self) -> Outside:
        """Where rows come from."""
        raise NotImplementedError("give the test class a fixture 'outside'")

    @pytest.fixture
    def root(self, tmp_path: Path) -> Path:
        """The folder that relative paths start from."""
        return tmp_path

    def connector(
        self, outside: Outside, root: Path, taken: Sequence[Batch] = (), memory: int = 64 << 20
    ) -> Connector:
        """A fresh connector to a world of which some batches were taken in."""

        def rows(columns: Sequence[str], where: pc.Expression | None = None) -> Iterator[pa.RecordBatch]:
            for batch in taken:
                found = batch.rows if where is None else batch.rows.filter(where)
                yield from found.select(list(columns)).to_batches()

        source = Source("rows", reader=outside.reader, schema={**SCHEMA, **self.added}, event_time="at")
        return open_connector(source, Place(str(root), rows, memory))

    def batches(
        self, outside: Outside, root: Path, taken: Sequence[Batch] = (), memory: int = 64 << 20
    ) -> list[Batch]:
        """What is new since some batches were taken in."""
        return list(self.connector(outside, root, taken, memory).batches(end_of(taken)))

    def test_all_rows_come_once_and_exactly(self, outside: Outside, root: Path) -> None:
        outside.add(made(0, 5))
        assert rows_of(self.batches(outside, root)) == made(0, 5)

    def test_rows_that_are_added_later_come_then_and_alone(self, outside: Outside, root: Path) -> None:
        outside.add(made(0, 3))
        taken = self.batches(outside, root)
        outside.add(made(3, 7))
        assert rows_of(self.batches(outside, root, taken)) == made(3, 7)

    def test_nothing_new_gives_no_batch(self, outside: Outside, root: Path) -> None:
        outside.add(made(0, 3))
        taken = self.batches(outside, root)
        assert rows_of(self.batches(outside, root, taken)) == []
        assert self.connector(outside, root, taken).pending(end_of(taken)) == []

    def test_what_is_new_has_names(self, outside: Outside, root: Path) -> None:
        outside.add(made(0, 3))
        named = self.connector(outside, root).pending(None)
        assert named
        assert all(named)

    def test_a_cursor_is_json(self, outside: Outside, root: Path) -> None:
        outside.add(made(0, 3))
        cursor = end_of(self.batches(outside, root))
        assert json.loads(json.dumps(cursor)) == cursor

    def test_reading_goes_on_at_every_cursor(self, outside: Outside, root: Path) -> None:
        for start in range(0, 2_000, 500):
            outside.add(made(start, start + 500))
        found = self.batches(outside, root, memory=20_000)
        assert len(found) > 1
        assert in_order(rows_of(found)) == made(0, 2_000)
        for taken in places_to_stop(found):
            left = self.batches(outside, root, found[:taken], memory=20_000)
            assert rows_of(found[:taken]) + rows_of(left) == rows_of(found)

    def test_memory_bounds_batches(self, outside: Outside, root: Path) -> None:
        outside.add(made(0, 20_000))
        found = self.batches(outside, root, memory=100_000)
        assert rows_of(found) == made(0, 20_000)
        assert max(batch.rows.nbytes for batch in found) < 500_000

    def test_every_batch_accounts_for_its_rows(self, outside: Outside, root: Path) -> None:
        outside.add(made(0, 3))
        spoilt = outside.spoil()
        outside.add(made(3, 5))
        found = self.batches(outside, root)
        for batch in found:
            assert batch.rows_read == batch.rows.num_rows + batch.rejected.num_rows
            assert batch.rejected.schema == REJECTED
            assert batch.origin
        assert in_order(rows_of(found)) == made(0, 5)
        assert sum(batch.rejected.num_rows for batch in found) == spoilt

    def test_a_rejected_record_is_kept_with_its_reason(self, outside: Outside, root: Path) -> None:
        if not outside.spoil():
            pytest.skip("no record of this connector can fail to be a row")
        [rejected] = pa.concat_tables(batch.rejected for batch in self.batches(outside, root)).to_pylist()
        assert rejected["raw"]
        assert rejected["reason"]
        assert rejected["origin"]


def made(start: int, stop: int) -> list[Row]:
    """Rows by their numbers, with nulls among them."""
    return [_made(number) for number in range(start, stop)]


def _made(number: int) -> Row:
    return {
        "id": number,
        "name": None if number % 5 == 3 else f"näme {number}",
        "amount": None if number % 7 == 4 else Decimal(number) / 100,
        "at": datetime(2024, 1, 1, tzinfo=UTC) + timedelta(minutes=number),
    }


def rows_of(found: Sequence[Batch]) -> list[Row]:
    """The rows of batches, in their order, with the columns of `SCHEMA`."""
    return [row for batch in found for row in batch.rows.select(list(SCHEMA)).to_pylist()]


def in_order(rows: Sequence[Row]) -> list[Row]:
    """Rows by their numbers; what was added at once may come before what was added earlier."""
    return sorted(rows, key=lambda row: int(row["id"]))


def end_of(taken: Sequence[Batch]) -> Cursor | None:
    """The cursor after the last of some batches, None before the first."""
    if not taken:
        return None
    assert taken[-1].cursor is not None, "the last batch has a cursor"
    return taken[-1].cursor


def places_to_stop(found: Sequence[Batch]) -> list[int]:
    """How many batches may be taken before reading is broken off."""
    return [taken for taken, batch in enumerate(found, 1) if batch.cursor is not None]
