"""The items of a resource of dlt, with its state as the cursor."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any, cast

from asof.errors import AsofError, DataError, MissingExtra
from asof.features.readers.dlt import Dlt
from asof.features.source import Source
from asof.ingest.batch import Batch
from asof.ingest.place import Place
from asof.ingest.records.arrow import batch_of, batches_of
from asof.ingest.values.python import arrow_table

if TYPE_CHECKING:
    from dlt.common.pipeline import TPipelineState

ITEMS = 10_000
"""How many items that are dicts make a batch."""


class DltConnector:
    """The items of a resource. Its state moves while it is read, so that only its end can be committed."""

    def __init__(self, source: Source, place: Place) -> None:
        assert isinstance(source.reader, Dlt)
        self._source = source
        self._reader = source.reader
        self._memory = place.memory

    def pending(self, cursor: Mapping[str, Any] | None) -> list[str]:
        """The resource's name where it has an item; it is read up to the first one."""
        state = _state(cursor)
        new = any(batch.rows_read for batch in self._read(state, 0))
        return [self._reader.where] if new else []

    def batches(self, cursor: Mapping[str, Any] | None) -> Iterator[Batch]:
        """All that the resource has; the last batch has the cursor."""
        state, rows = _state(cursor), cursor["rows"] if cursor else 0
        last = None
        for batch in self._read(state, rows):
            if last is not None:
                yield last
            last, rows = batch, rows + batch.rows_read
        if last is not None:
            yield replace(last, cursor={"state": _text(state), "rows": rows})

    def _read(self, state: dict[str, Any], before: int) -> Iterator[Batch]:
        where = self._reader.where
        items = self._items(state)
        for item in items:
            if isinstance(item, Mapping):
                more = [item, *islice(items, ITEMS - 1)]
                yield batch_of(arrow_table(more, self._source.schema), self._source, where, before, None)
                before += len(more)
            else:
                values = arrow_table(item, self._source.schema)
                yield from batches_of(values, self._source, self._memory, where, before, None)
                before += values.num_rows

    def _items(self, state: dict[str, Any]) -> Iterator[Any]:
        try:
            with _in_state(state):
                yield from self._reader.items
        except AsofError:
            raise
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
            raise DataError(f"source {self._source.name!r}: {self._reader.where}: {reason}") from error


@contextmanager
def _in_state(state: dict[str, Any]) -> Iterator[None]:
    """Resources that are read within read and move `state`, instead of that of a pipeline."""
    from dlt.common.configuration.container import Container
    from dlt.common.pipeline import StateInjectableContext

    context = StateInjectableContext(state=cast("TPipelineState", state))
    with Container().injectable_context(context):
        yield


def _state(cursor: Mapping[str, Any] | None) -> dict[str, Any]:
    json = _json()
    state: dict[str, Any] = json.typed_loads(cursor["state"]) if cursor else {}
    return state


def _text(state: dict[str, Any]) -> str:
    text: str = _json().typed_dumps(state)
    return text


def _json() -> Any:
    """Dlt's JSON, in which times and decimals keep their types."""
    try:
        from dlt.common import json
    except ImportError:
        raise MissingExtra("a source from dlt", "dlt") from None
    return json
