"""What changed in a table, told by comparing all of it with what was taken before."""

from __future__ import annotations

from collections.abc import Iterable

from asof.errors import DefinitionError
from asof.features.definition import assign, check_each, check_name, check_unique, definition
from asof.features.types import Bool, Schema, Timestamp


@definition
class Snapshot:
    """How to tell what changed in a table that only says how things are now.

    Every run compares the whole table with what was taken before, row by row of the same `key`. A
    new or changed row is taken in once more; `known_at` names the Timestamp column that gets the
    time of the run, or in a lakehouse that of the table's version. Of a row that vanished, what was last
    known is taken in again with true in the Bool column `deleted`; without `deleted`, it stays as it
    was. Name them in the source as well (`identity=` the key, `created=` known_at, `retracted=`
    deleted), and an earlier cut-off still sees the old values: history of type 2, each revision valid
    from its time to that of the next.
    """

    key: tuple[str, ...]
    known_at: str
    deleted: str | None

    def __init__(self, key: Iterable[str], *, known_at: str, deleted: str | None = None) -> None:
        for name in (known_at, deleted):
            if name is not None:
                check_name("Snapshot column", name)
        assign(self, key=check_key("Snapshot", key), known_at=known_at, deleted=deleted)
        if not self.key:
            raise DefinitionError("Snapshot: key names no column; give those that tell rows apart")
        check_unique("Snapshot", "columns", [*self.key, known_at, *([deleted] if deleted else [])])

    def check(self, owner: str, schema: Schema) -> None:
        """DefinitionError for `owner` where the columns are not in its schema as they must be."""
        for name in self.key:
            schema.require(owner, "key", name)
        for what, given, wanted in (("known_at", self.known_at, Timestamp), ("deleted", self.deleted, Bool)):
            if given is not None and schema.require(owner, what, given) != wanted:
                raise DefinitionError(
                    f"{owner}: {what} {given!r} is {schema[given]!r}; it must be {wanted!r}"
                )


def check_key(owner: str, key: object) -> tuple[str, ...]:
    """The names of columns that tell rows apart."""
    columns: tuple[str, ...] = check_each(owner, "key", key, (str,))
    check_unique(owner, "columns of key", columns)
    return columns
