"""The online store on Redis or Valkey: a server, or a cluster, that any number of machines read."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from types import TracebackType
from typing import Any, Self

import pyarrow as pa

from asof.errors import AsofError, Conflict, DataError, DefinitionError, NotFound, choices
from asof.storage.instants import nanoseconds
from asof.storage.online.packing import Item, planned, require_columns, slices
from asof.storage.online.redis_generations import (
    Generation,
    abandon,
    advance,
    append,
    claim,
    forget,
    generation_of,
    live_record,
    live_views,
    require_whole,
    sweep,
    sweep_all,
    turn_over,
)
from asof.storage.online.redis_scripts import GONE, UPSERT
from asof.storage.online.redis_server import Command, Server
from asof.storage.online.store import Key, OnlineRow, OnlineStatistics, Published, newest, typed

_ROWS_AT_ONCE = 2_000
_BYTES_AT_ONCE = 1 << 20

Request = tuple[Generation, Sequence[bytes | None]]


class RedisStore:
    """`OnlineStore` on a server: `redis://user:password@host:6379/0`, with TLS `rediss://`.

    `?prefix=` begins all keys ("asof" unless said); other options are those of redis-py. Of a cluster
    a view is on one server, and views that are read together may be of different moments.

    Raises Unavailable when the server can't be reached, DefinitionError for a wrong address or user,
    MissingExtra without redis-py.
    """

    def __init__(self, url: str, readonly: bool = False) -> None:
        self._readonly = readonly
        self._open: Server | None = Server(url)
        self._generations: dict[str, Generation] = {}

    def publish(
        self, view: str, keys: Sequence[str], rows: pa.Table, *, version: int, as_of: datetime
    ) -> Published:
        self._require_writable()
        return self._build(planned(view, keys, rows, version, as_of), newest(typed(rows), keys))

    def advance(self, view: str, rows: pa.Table, *, version: int, as_of: datetime) -> Published:
        self._require_writable()
        live = self._fresh(view)
        require_columns(live.published, rows)
        changed = newest(typed(rows), live.published.keys)
        to = replace(live.published, version=version, as_of=nanoseconds(as_of))
        parts = map(live.packing.items, slices(changed, _ROWS_AT_ONCE, _BYTES_AT_ONCE))
        return advance(self._server, live, parts, to)

    def upsert(self, view: str, rows: pa.Table) -> tuple[int, int]:
        self._require_writable()
        generation = self._fresh(view)
        require_columns(generation.published, rows)
        written = older = 0
        for some in slices(typed(rows), _ROWS_AT_ONCE, _BYTES_AT_ONCE):
            items = generation.packing.items(some)
            newer = self._put_newer(generation, items)
            written, older = written + newer, older + len(items) - newer
        return written, older

    def read(self, view: str, keys: Sequence[Key]) -> list[OnlineRow | None]:
        return self.read_many([(view, keys)])[0]

    def read_many(self, requests: Sequence[tuple[str, Sequence[Key]]]) -> list[list[OnlineRow | None]]:
        while True:
            known = [self._generations.get(view) or self._fresh(view) for view, _ in requests]
            encoded = self._encode(known, requests)
            found = None if encoded is None else self._find(encoded)
            if found is not None:
                return found
            for view, _ in requests:
                self._generations.pop(view, None)

    def live(self, view: str) -> Published | None:
        return live_record(self._server, view)

    def views(self) -> list[Published]:
        return live_views(self._server)

    def scan(self, view: str) -> pa.Table:
        while True:
            generation = self._fresh(view)
            items = dict(self._server.fields(generation.rows))
            if self._fresh(view) == generation:
                return generation.packing.table(sorted(items.items()))

    def drop(self, view: str) -> bool:
        self._require_writable()
        return forget(self._server, view)

    def sweep(self) -> None:
        self._require_writable()
        sweep_all(self._server)

    def statistics(self) -> OnlineStatistics:
        views = self.views()
        used, capacity = self._server.memory()
        return OnlineStatistics(len(views), sum(view.rows for view in views), used, capacity)

    def close(self) -> None:
        if self._open is not None:
            self._open.close()
            self._open = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def _server(self) -> Server:
        if self._open is None:
            raise DefinitionError("this online store is closed: open it again")
        return self._open

    def _build(self, published: Published, rows: pa.Table) -> Published:
        self._server.require_no_eviction()
        number = claim(self._server, published.view)
        generation = generation_of(self._server, replace(published, generation=number, rows=rows.num_rows))
        try:
            for some in slices(rows, _ROWS_AT_ONCE, _BYTES_AT_ONCE):
                append(self._server, generation, generation.packing.items(some))
            require_whole(self._server, generation)
            turn_over(self._server, self.live(published.view), generation)
        except AsofError:
            with suppress(AsofError):
                abandon(self._server, generation)
            raise
        sweep(self._server, published.view)
        return generation.published

    def _put_newer(self, of: Generation, items: list[Item]) -> int:
        arguments = [part for item in items for part in item]
        live = of
        while True:
            keys = [live.view, live.rows, live.upserted]
            written: int = self._server.run(UPSERT, keys, live.number, *arguments)
            if written != GONE:
                return written
            live = self._fresh(of.published.view)
            if not live.published.same_shape(of.published):
                raise Conflict(f"{of.published.view} was published with other columns: upsert again")

    def _encode(
        self, known: Sequence[Generation], requests: Sequence[tuple[str, Sequence[Key]]]
    ) -> list[Request] | None:
        """The requests with packed keys, None where they are none of a generation that is live no more."""
        try:
            return [
                (generation, generation.packing.keys.encode(keys))
                for generation, (_, keys) in zip(known, requests, strict=True)
            ]
        except DataError:
            if known == [self._fresh(view) for view, _ in requests]:
                raise
            return None

    def _find(self, requests: Sequence[Request]) -> list[list[OnlineRow | None]] | None:
        """The rows, None where a generation was live no more. Its number after them proves them all."""
        asked = [_lookup(generation, keys) for generation, keys in requests]
        answers = self._all_at_once(asked)
        if any(
            live != b"%d" % generation.number
            for (generation, _), (_, live) in zip(requests, answers, strict=True)
        ):
            return None
        return [
            _rows(generation, keys, rows)
            for (generation, keys), (rows, _) in zip(requests, answers, strict=True)
        ]

    def _all_at_once(self, lookups: Sequence[list[Command]]) -> list[list[Any]]:
        """The answers to the lookups of each view; a cluster answers view after view."""
        if self._server.is_cluster:
            return [self._server.send_all(lookup, at_once=True) for lookup in lookups]
        commands = [command for lookup in lookups for command in lookup]
        answers = self._server.send_all(commands, at_once=len(lookups) > 1)
        return [answers[at : at + 2] for at in range(0, len(answers), 2)]

    def _fresh(self, view: str) -> Generation:
        """The live generation as the server has it now."""
        published = self.live(view)
        if published is None:
            names = [published.view for published in self.views()]
            raise NotFound(f"feature view {view!r} is not online: {choices(view, names)}")
        known = self._generations.get(view)
        if known is None or known.published != published:
            known = self._generations[view] = generation_of(self._server, published)
        return known

    def _require_writable(self) -> None:
        if self._readonly:
            raise DefinitionError("this online store was opened to be read only")


def _lookup(generation: Generation, keys: Sequence[bytes | None]) -> list[Command]:
    fields = [key for key in keys if key is not None] or [b""]
    return [("HMGET", generation.rows, *fields), ("HGET", generation.view, "generation")]


def _rows(
    generation: Generation, keys: Sequence[bytes | None], found: Sequence[Any]
) -> list[OnlineRow | None]:
    """A row for each key, where those found are of the keys that are not null."""
    rows = iter(found)
    present = [None if key is None else next(rows) for key in keys]
    return generation.packing.rows.decode(present)
