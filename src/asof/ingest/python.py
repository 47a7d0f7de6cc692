"""What a Python function yields."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from asof.errors import AsofError, DataError
from asof.features.readers.python import Python
from asof.features.source import Source
from asof.ingest.batch import Batch, Cursor
from asof.ingest.place import Place
from asof.ingest.records.arrow import batches_of
from asof.ingest.values.python import arrow_table


class PythonConnector:
    """The rows of a function. The cursor holds the function's own, and how many rows it has given."""

    def __init__(self, source: Source, place: Place) -> None:
        assert isinstance(source.reader, Python)
        self._source = source
        self._reader = source.reader
        self._memory = place.memory

    def pending(self, cursor: Mapping[str, Any] | None) -> list[str]:
        """The function's name where it yields a row; it is called, and left after the first one."""
        new = any(batch.rows_read for batch in self._read(cursor))
        return [self._reader.where] if new else []

    def batches(self, cursor: Mapping[str, Any] | None) -> Iterator[Batch]:
        """What the function yields; of rows yielded together the last batch has the cursor."""
        last = None
        for batch in self._read(cursor):
            yield batch
            last = batch
        if last is not None and last.cursor is None:
            raise self._fault("the last rows came without a cursor; yield (rows, cursor)")

    def _read(self, cursor: Mapping[str, Any] | None) -> Iterator[Batch]:
        before = cursor["rows"] if cursor else 0
        for rows, after in self._calls(cursor["cursor"] if cursor else None):
            values = arrow_table(rows, self._source.schema)
            stands: Cursor = {"cursor": after, "rows": before + values.num_rows}
            end = None if after is None else stands
            yield from batches_of(values, self._source, self._memory, self._reader.where, before, end)
            before += values.num_rows

    def _calls(self, cursor: object) -> Iterator[tuple[object, object]]:
        """The pairs of rows and cursor that the function yields; its errors name it."""
        try:
            for yielded in self._reader.function.call(cursor):
                rows, after = yielded if isinstance(yielded, tuple) else (yielded, None)
                msgspec.json.encode(after)
                yield rows, after
        except AsofError:
            raise
        except Exception as error:
            raise self._fault(f"{type(error).__name__}: {error}") from error

    def _fault(self, what: str) -> DataError:
        return DataError(f"source {self._source.name!r}: {self._reader.where}: {what}")
