"""How generations of rows lie in Redis. All keys of a view have one hash tag, and so one place in a cluster.

    asof:views                    a set: the views that were ever claimed
    asof:{view}                   a hash: `live` (JSON of `Published`), `generation` (its number),
                                  `since` (the number that its rows are stored as), `before` (that of
                                  the last that was replaced), `building` (the number that may be built),
                                  `next` (the last number that was given), `marks` (how many rows were
                                  upserted)
    asof:{view}:7                 a hash: the packed rows of generation 7 by packed key
    asof:{view}:7:upserted        a sorted set: the keys that were upserted, by when

A publication claims a number, adds its rows some at a time, and turns the view over to itself in one
step of the server. A generation that is neither live nor being built belongs to nobody; each
publication begins and ends by unlinking such ones, which the server then frees beside its work.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import msgspec

from asof.errors import Conflict
from asof.storage.online.packing import Item, Packing, packing_of
from asof.storage.online.redis_scripts import (
    ABANDON,
    ADVANCE,
    ADVANCED,
    DONE,
    GONE,
    OVERTAKEN,
    TURN_OVER,
)
from asof.storage.online.redis_server import Command, Server
from asof.storage.online.store import Published

_SWEPT = 100
_CARRIED_AT_ONCE = 1_000
_AS_OF = struct.Struct("<xq")


@dataclass(frozen=True, slots=True)
class Generation:
    """A generation with its packing, and the keys of its view, its rows and its marks."""

    packing: Packing
    view: str
    rows: str
    upserted: str

    @property
    def published(self) -> Published:
        """What is kept beside the rows."""
        return self.packing.published

    @property
    def number(self) -> int:
        """Its number, which no other generation of the view has had."""
        return self.packing.published.generation


def generation_of(server: Server, published: Published) -> Generation:
    """The generation with codecs for its columns."""
    view = view_key(server, published.view)
    rows, upserted = _keys(view, published.stored_as)
    return Generation(packing_of(published), view, rows, upserted)


def view_key(server: Server, view: str) -> str:
    """The key of what is known of a view; its hash tag is the view's name."""
    return f"{server.prefix}:{{{view}}}"


def _keys(view: str, number: int) -> tuple[str, str]:
    return f"{view}:{number}", f"{view}:{number}:upserted"


def live_record(server: Server, view: str) -> Published | None:
    """The live generation of a view."""
    return _read(server.send("HGET", view_key(server, view), "live"))


def live_views(server: Server) -> list[Published]:
    """The live generations of all views, by name."""
    names = _views(server)
    asked: list[Command] = [("HGET", view_key(server, name), "live") for name in names]
    records = server.send_all(asked, at_once=not server.is_cluster)
    return [published for published in map(_read, records) if published]


def _views(server: Server) -> list[str]:
    """The views that were ever claimed, by name."""
    return sorted(name.decode() for name in server.send("SMEMBERS", _views_key(server)))


def _views_key(server: Server) -> str:
    return f"{server.prefix}:views"


def _read(record: bytes | None) -> Published | None:
    return None if record is None else msgspec.json.decode(record, type=Published)


def claim(server: Server, view: str) -> int:
    """Number of a new generation, the only one of the view that may be built from now on.

    Whoever was building is overtaken, and what they left is unlinked first: it may be what fills the
    server.
    """
    key = view_key(server, view)
    server.send("HDEL", key, "building")
    sweep(server, view)
    server.send("SADD", _views_key(server), view)
    number: int = server.send("HINCRBY", key, "next", 1)
    server.send("HSET", key, "building", number)
    return number


def append(server: Server, to: Generation, items: Sequence[Item]) -> None:
    """Add rows to a generation that is being built."""
    added = [part for item in items for part in item]
    commands = [("HSET", to.rows, *added), ("HGET", to.view, "building")]
    _, building = server.send_all(commands, at_once=True)
    if building != b"%d" % to.number:
        raise _overtaken(to)


def require_whole(server: Server, generation: Generation) -> None:
    """Conflict where the server has lost rows, as it may when it was started anew."""
    count = server.send("HLEN", generation.rows)
    if count != generation.published.rows:
        raise Conflict(
            f"{generation.published.view}: {server.name} has {count} of {generation.published.rows} rows "
            "that were published, was it started anew? Publish again"
        )


def turn_over(server: Server, old: Published | None, to: Generation) -> None:
    """Make a generation live, with the rows upserted into the old one that are newer (P7)."""
    kept = old is not None and old.same_shape(to.published)
    keys = [to.view, *_keys(to.view, old.stored_as if old else 0), to.rows, to.upserted]
    record, as_of = msgspec.json.encode(to.published), _AS_OF.pack(to.published.as_of)
    mark = b"-inf" if kept else b"+inf"
    while mark != DONE:
        mark = server.run(TURN_OVER, keys, to.number, record, as_of, mark, _CARRIED_AT_ONCE)
        if mark == OVERTAKEN:
            raise _overtaken(to)


def advance(server: Server, live: Generation, parts: Iterable[Sequence[Item]], to: Published) -> Published:
    """Put rows into the live generation, and make it the next one, of the version and moment of `to`."""
    for items in parts:
        added = [part for item in items for part in item]
        _require_live(live, server.run(ADVANCE, [live.view, live.rows, live.upserted], live.number, *added))
    number, count = server.send("HINCRBY", live.view, "next", 1), server.send("HLEN", live.rows)
    published = replace(to, generation=number, rows=count, since=to.stored_as)
    record = msgspec.json.encode(published)
    _require_live(live, server.run(ADVANCED, [live.view], live.number, number, record))
    return published


def _require_live(generation: Generation, answer: int) -> None:
    if answer == GONE:
        raise _overtaken(generation)


def _overtaken(ours: Generation) -> Conflict:
    return Conflict(f"another publication of {ours.published.view} overtook this one: publish again")


def abandon(server: Server, generation: Generation) -> None:
    """Unlink a generation that won't be live, unless it is by now."""
    server.run(ABANDON, [generation.view], generation.number)
    sweep(server, generation.published.view)


def forget(server: Server, view: str) -> bool:
    """Unlink a view's rows; whether there was a live generation."""
    key = view_key(server, view)
    server.send("HSET", key, "before", server.send("HGET", key, "since") or 0)
    commands: list[Command] = [("HDEL", key, "live"), ("HDEL", key, "generation", "building", "since")]
    was_live, _ = server.send_all(commands, at_once=True)
    sweep(server, view)
    return bool(was_live)


def sweep_all(server: Server) -> None:
    """Unlink what is of no live generation, of any view; who builds one is overtaken."""
    for view in _views(server):
        server.send("HDEL", view_key(server, view), "building")
        sweep(server, view)


def sweep(server: Server, view: str) -> None:
    """Unlink the view's last generations that belong to nobody, and so what killed publications left.

    Of those before, nothing is left but what a publication wrote that was overtaken by a hundred.
    """
    key = view_key(server, view)
    last, before, *kept = server.send("HMGET", key, "next", "before", "since", "building")
    numbers = {int(before or 0), *range(max(1, int(last or 0) - _SWEPT), int(last or 0) + 1)}
    if dead := [one for n in sorted(numbers) if b"%d" % n not in kept for one in _keys(key, n)]:
        server.send("UNLINK", *dead)
