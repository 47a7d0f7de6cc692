"""How generations of rows lie in an LMDB map, and the transactions that make and end them.

All is in one sorted map, whose keys begin with what they are of:

    0                            the number of the next generation
    1 view                       the live generation of a view (JSON of `Published`)
    2 view                       the number of the generation that is being built
    3 generation key             a mark: this row was upserted
    4 generation key             a packed row

A publication claims a number, appends its rows some at a time, and turns the view over to itself in
one transaction. One that advances has a number of its own, but its rows stay where they are. A row whose
generation is neither live nor being built belongs to nobody; every publication begins and ends by sweeping
such rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from operator import itemgetter

import msgspec
import pyarrow as pa

from asof.errors import Conflict, DataError
from asof.storage.online.lmdb_environment import Transaction
from asof.storage.online.packing import Item, Packing, packing_of
from asof.storage.online.rows import event_time_of
from asof.storage.online.store import Key, OnlineRow, Published

_COUNTER, _LIVE, _BUILDING, _UPSERTED, _ROWS = (bytes([kind]) for kind in range(5))
_NUMBER_BYTES = 6
_PREFIX_BYTES = 1 + _NUMBER_BYTES
_LONGEST_KEY = 511 - _PREFIX_BYTES
_DELETED_AT_ONCE = 50_000


@dataclass(frozen=True, slots=True)
class Generation:
    """A generation with its packing, and the prefixes of its rows and of its marks."""

    packing: Packing
    rows: bytes
    upserted: bytes

    @property
    def published(self) -> Published:
        """What is kept beside the rows."""
        return self.packing.published

    def find(self, transaction: Transaction, keys: Sequence[Key]) -> list[OnlineRow | None]:
        encoded = self.packing.keys.encode(keys, self.rows)
        return self.packing.rows.decode([None if key is None else transaction.get(key) for key in encoded])

    def encode(self, rows: pa.Table, prefix: bytes = b"") -> list[Item]:
        items = self.packing.items(rows, prefix)
        longest = max(map(len, map(itemgetter(0), items)), default=0) - len(prefix)
        if longest > _LONGEST_KEY:
            raise DataError(f"a key takes {longest} bytes in the store, at most {_LONGEST_KEY} fit")
        return items


def generation_of(published: Published) -> Generation:
    """The generation with codecs for its columns."""
    number = published.stored_as.to_bytes(_NUMBER_BYTES, "big")
    return Generation(packing_of(published), _ROWS + number, _UPSERTED + number)


def live_record(transaction: Transaction, view: str) -> bytes | None:
    """What is stored of the live generation of a view."""
    return transaction.get(_LIVE + view.encode())


def read_record(record: bytes) -> Published:
    """The value that a `live_record` is of."""
    return msgspec.json.decode(record, type=Published)


def live_views(transaction: Transaction) -> list[Published]:
    """The live generations of all views, by name."""
    return [read_record(record) for _, record in items_under(transaction, _LIVE)]


def set_live(transaction: Transaction, published: Published) -> None:
    """End the building of a generation by making it the live one of its view."""
    transaction.put(_LIVE + published.view.encode(), msgspec.json.encode(published))
    transaction.delete(_BUILDING + published.view.encode())


def forget(transaction: Transaction, view: str) -> bool:
    """Leave the view's rows to be swept; whether there was a live generation."""
    transaction.delete(_BUILDING + view.encode())
    return transaction.delete(_LIVE + view.encode())


def forget_building(transaction: Transaction) -> None:
    """Leave the rows of all that is being built to be swept; who builds is overtaken."""
    for view in [key for key, _ in items_under(transaction, _BUILDING)]:
        transaction.delete(_BUILDING + view)


def claim(transaction: Transaction, view: str) -> int:
    """Number of a new generation, the only one of the view that may be built from now on."""
    number = _next_number(transaction)
    transaction.put(_BUILDING + view.encode(), number.to_bytes(_NUMBER_BYTES, "big"))
    return number


def _next_number(transaction: Transaction) -> int:
    number = int.from_bytes(transaction.get(_COUNTER) or b"\1", "big")
    transaction.put(_COUNTER, (number + 1).to_bytes(_NUMBER_BYTES, "big"))
    return number


def advance(transaction: Transaction, live: Generation, to: Published, items: list[Item]) -> Published:
    """Put rows into the live generation, and make it the next one, of the version and moment of `to`."""
    added = sum(_put_published(transaction, live, key, row) for key, row in items)
    number = _next_number(transaction)
    published = replace(to, generation=number, rows=to.rows + added, since=to.stored_as)
    transaction.put(_LIVE + to.view.encode(), msgspec.json.encode(published))
    return published


def _put_published(transaction: Transaction, live: Generation, key: bytes, row: bytes) -> bool:
    """Write a row of the view's table unless the one that is there is newer (P7); whether none was."""
    present = transaction.get(live.rows + key)
    if present is None or event_time_of(row) >= event_time_of(present):
        transaction.put(live.rows + key, row)
        transaction.delete(live.upserted + key)
    return present is None


def require_claim(transaction: Transaction, ours: Published) -> None:
    """Conflict when somebody claimed the building of the view after us."""
    claimed = transaction.get(_BUILDING + ours.view.encode())
    if claimed != ours.generation.to_bytes(_NUMBER_BYTES, "big"):
        raise Conflict(f"another publication of {ours.view} overtook this one: publish again")


def append(transaction: Transaction, to: Published, items: list[Item]) -> None:
    """Add rows, keys in order and with their prefix, to a generation that is being built."""
    require_claim(transaction, to)
    cursor = transaction.cursor()
    at_end = not cursor.last() or cursor.key() < items[0][0]
    _, added = cursor.putmulti(items, append=at_end)
    if added != len(items):
        raise DataError(f"{len(items) - added} rows of {to.view} are out of key order")


def carry_over(transaction: Transaction, old: Generation, new: Generation) -> None:
    """Keep the upserted rows that are newer than what is published (P7)."""
    for key in [key for key, _ in items_under(transaction, old.upserted)]:
        row = transaction.get(old.rows + key) or b""
        other = transaction.get(new.rows + key)
        known = new.published.as_of if other is None else event_time_of(other)
        if event_time_of(row) > known:
            _put(transaction, new, key, row)


def put_if_newer(transaction: Transaction, live: Generation, key: bytes, row: bytes) -> bool:
    """Write a row unless the one that is there is newer (P7); whether it was written."""
    present = transaction.get(live.rows + key)
    newer = present is None or event_time_of(row) >= event_time_of(present)
    if newer:
        _put(transaction, live, key, row)
    return newer


def _put(transaction: Transaction, live: Generation, key: bytes, row: bytes) -> None:
    transaction.put(live.rows + key, row)
    transaction.put(live.upserted + key, b"")


def sweep_some(transaction: Transaction) -> bool:
    """Delete some rows and marks of generations that belong to nobody; whether any were there."""
    kept = _kept(transaction)
    for kind in (_ROWS, _UPSERTED):
        for prefix in _prefixes(transaction, kind):
            if prefix[1:] not in kept:
                _delete_some(transaction, prefix)
                return True
    return False


def _kept(transaction: Transaction) -> set[bytes]:
    live = live_views(transaction)
    building = {number for _, number in items_under(transaction, _BUILDING)}
    return building | {one.stored_as.to_bytes(_NUMBER_BYTES, "big") for one in live}


def _prefixes(transaction: Transaction, kind: bytes) -> Iterator[bytes]:
    cursor = transaction.cursor()
    found = cursor.set_range(kind)
    while found and cursor.key().startswith(kind):
        prefix = cursor.key()[:_PREFIX_BYTES]
        yield prefix
        found = cursor.set_range(_after(prefix))


def _after(prefix: bytes) -> bytes:
    return (int.from_bytes(prefix, "big") + 1).to_bytes(len(prefix), "big")


def _delete_some(transaction: Transaction, prefix: bytes) -> None:
    cursor = transaction.cursor()
    there = cursor.set_range(prefix)
    for _ in range(_DELETED_AT_ONCE):
        if not (there and cursor.key().startswith(prefix)):
            return
        there = cursor.delete() and bool(cursor.key())


def items_under(transaction: Transaction, prefix: bytes) -> Iterator[Item]:
    """Everything under a prefix, in key order, without the prefix."""
    cursor = transaction.cursor()
    if cursor.set_range(prefix):
        for key, value in cursor:
            if not key.startswith(prefix):
                return
            yield key[len(prefix) :], value
