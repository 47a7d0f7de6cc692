"""A plain database of orders that tells its changes as Debezium does, and what it held at each moment."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Row = dict[str, Any]


@dataclass(frozen=True)
class Change:
    """A committed change at a time (ms since 1970, UTC): the row before and after it."""

    at: int
    before: Row | None
    after: Row | None

    @property
    def op(self) -> str:
        return "c" if self.before is None else "d" if self.after is None else "u"

    def event(self, schema: Any = None) -> str:
        """The event as Connect's JSON converter writes it, with or without the schema."""
        payload = {
            "op": self.op,
            "before": self.before,
            "after": self.after,
            "source": {"ts_ms": self.at, "connector": "postgresql", "table": "orders"},
            "ts_ms": self.at + 250,
        }
        return json.dumps(payload if schema is None else {"schema": schema, "payload": payload})


def history(edits: Sequence[tuple[int, int, Row | None]]) -> list[Change]:
    """The changes that edits make of an empty table: at a time, the row with an id is to be this, or gone."""
    table: dict[int, Row] = {}
    changes = []
    for at, id, row in edits:
        before = table.pop(id, None)
        after = None if row is None else {"id": id, **row}
        if after is not None:
            table[id] = after
        if before != after:
            changes.append(Change(at, before, after))
    return changes


def held(changes: Sequence[Change], moment: int) -> list[Row]:
    """The rows of the table at a moment."""
    table: dict[int, Row] = {}
    for change in changes:
        if change.at <= moment:
            if change.before is not None:
                del table[change.before["id"]]
            if change.after is not None:
                table[change.after["id"]] = change.after
    return list(table.values())
