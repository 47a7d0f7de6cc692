"""The online store on LMDB: a directory that any number of processes of a machine read at once."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow as pa

from asof.errors import Conflict, DefinitionError, NotFound, choices
from asof.storage.instants import nanoseconds
from asof.storage.online.lmdb_environment import Transaction, share
from asof.storage.online.lmdb_generations import (
    Generation,
    advance,
    append,
    carry_over,
    claim,
    forget,
    forget_building,
    generation_of,
    items_under,
    live_record,
    live_views,
    put_if_newer,
    read_record,
    require_claim,
    set_live,
    sweep_some,
)
from asof.storage.online.packing import Item, planned, require_columns, slices, write_behind
from asof.storage.online.store import Key, OnlineRow, OnlineStatistics, Published, newest, typed

_ROWS_AT_ONCE = 50_000
_BYTES_AT_ONCE = 16 << 20


class LmdbStore:
    """`OnlineStore` in a directory. One process writes at a time, others wait; readers never do.

    Raises NotFound when `readonly` and there is no store, DefinitionError when it can't be opened.
    """

    def __init__(self, path: str | Path, readonly: bool = False) -> None:
        self._readonly = readonly
        self._environment = share(Path(path), readonly)
        self._release = weakref.finalize(self, self._environment.release)
        self._generations: dict[str, tuple[bytes, Generation]] = {}

    def publish(
        self, view: str, keys: Sequence[str], rows: pa.Table, *, version: int, as_of: datetime
    ) -> Published:
        self._require_writable()
        return self._build(planned(view, keys, rows, version, as_of), newest(typed(rows), keys))

    def advance(self, view: str, rows: pa.Table, *, version: int, as_of: datetime) -> Published:
        self._require_writable()
        generation = self._environment.read(partial(self._require, view=view))
        require_columns(generation.published, rows)
        items = generation.encode(newest(typed(rows), generation.published.keys))
        to = replace(generation.published, version=version, as_of=nanoseconds(as_of))
        return self._environment.write(partial(self._advance, of=generation, to=to, items=items))

    def upsert(self, view: str, rows: pa.Table) -> tuple[int, int]:
        self._require_writable()
        generation = self._environment.read(partial(self._require, view=view))
        require_columns(generation.published, rows)
        written = older = 0
        for some in slices(typed(rows), _ROWS_AT_ONCE, _BYTES_AT_ONCE):
            items = generation.encode(some)
            newer = self._environment.write(partial(self._put_newer, of=generation, items=items))
            written, older = written + newer, older + len(items) - newer
        return written, older

    def read(self, view: str, keys: Sequence[Key]) -> list[OnlineRow | None]:
        return self._environment.read(partial(self._find, view=view, keys=keys))

    def read_many(self, requests: Sequence[tuple[str, Sequence[Key]]]) -> list[list[OnlineRow | None]]:
        return self._environment.read(
            lambda transaction: [self._find(transaction, view, keys) for view, keys in requests]
        )

    def live(self, view: str) -> Published | None:
        generation = self._environment.read(partial(self._live, view=view))
        return generation.published if generation else None

    def views(self) -> list[Published]:
        return self._environment.read(live_views)

    def scan(self, view: str) -> pa.Table:
        generation, items = self._environment.read(partial(self._all, view=view))
        return generation.packing.table(items)

    def drop(self, view: str) -> bool:
        self._require_writable()
        dropped = self._environment.write(partial(forget, view=view))
        self._sweep()
        return dropped

    def sweep(self) -> None:
        self._require_writable()
        self._environment.write(forget_building)
        self._sweep()

    def statistics(self) -> OnlineStatistics:
        views = self.views()
        used, capacity = self._environment.size()
        return OnlineStatistics(len(views), sum(view.rows for view in views), used, capacity)

    def close(self) -> None:
        self._release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _build(self, published: Published, rows: pa.Table) -> Published:
        self._environment.forget_dead_readers()
        number = self._environment.write(partial(claim, view=published.view))
        generation = generation_of(replace(published, generation=number, rows=rows.num_rows))
        self._sweep()
        parts = slices(rows, _ROWS_AT_ONCE, _BYTES_AT_ONCE)
        batches = (generation.encode(part, generation.rows) for part in parts)
        write_behind(batches, partial(self._append, generation.published))
        self._environment.write(partial(self._turn_over, to=generation))
        self._sweep()
        return generation.published

    def _append(self, to: Published, items: list[Item]) -> None:
        self._environment.write(partial(append, to=to, items=items))

    def _turn_over(self, transaction: Transaction, to: Generation) -> None:
        require_claim(transaction, to.published)
        old = self._live(transaction, to.published.view)
        if old and old.published.same_shape(to.published):
            carry_over(transaction, old, to)
        set_live(transaction, to.published)

    def _advance(
        self, transaction: Transaction, of: Generation, to: Published, items: list[Item]
    ) -> Published:
        live = self._require(transaction, to.view)
        if live.published != of.published:
            raise Conflict(f"another publication of {to.view} overtook this one: publish again")
        return advance(transaction, live, to, items)

    def _sweep(self) -> None:
        while self._environment.write(sweep_some):
            pass

    def _put_newer(self, transaction: Transaction, of: Generation, items: list[Item]) -> int:
        live = self._require(transaction, of.published.view)
        if not live.published.same_shape(of.published):
            raise Conflict(f"{of.published.view} was published with other columns: upsert again")
        return sum(put_if_newer(transaction, live, key, row) for key, row in items)

    def _find(self, transaction: Transaction, view: str, keys: Sequence[Key]) -> list[OnlineRow | None]:
        generation = self._require(transaction, view)
        return generation.find(transaction, keys)

    def _all(self, transaction: Transaction, view: str) -> tuple[Generation, list[Item]]:
        generation = self._require(transaction, view)
        return generation, list(items_under(transaction, generation.rows))

    def _live(self, transaction: Transaction, view: str) -> Generation | None:
        record = live_record(transaction, view)
        if record is None:
            return None
        known, generation = self._generations.get(view, (None, None))
        if generation is None or known != record:
            generation = generation_of(read_record(record))
            self._generations[view] = record, generation
        return generation

    def _require(self, transaction: Transaction, view: str) -> Generation:
        generation = self._live(transaction, view)
        if generation is None:
            names = [published.view for published in live_views(transaction)]
            raise NotFound(f"feature view {view!r} is not online: {choices(view, names)}")
        return generation

    def _require_writable(self) -> None:
        if self._readonly:
            raise DefinitionError("this online store was opened to be read only")
