"""A stream of changes as the rows of a source."""

from __future__ import annotations

from collections.abc import Mapping

from asof.errors import DefinitionError, choices
from asof.features.definition import assign, check_type, definition
from asof.features.readers.files import Files
from asof.features.readers.kafka import Kafka
from asof.features.readers.reader import Reader
from asof.features.types import Bool, Schema

CLOCKS = ("source", "connector")
UNITS = ("ms", "us", "ns")
DECIMALS = ("text", "base64")


@definition
class Debezium(Reader):
    """The changes of a database table as Debezium tells them: inserts, updates and deletes.

    `reader` brings the events: a Kafka topic, or JSON lines in Files. A row has the columns of the
    table after the change, or of those before a delete; the Timestamp column `known_at` gets the time of
    the change, and the Bool column `deleted` says whether it took the row back. To have an earlier
    cut-off see what was known then, the source says so:

        Source(
            "customers",
            reader=Debezium(Kafka(...), known_at="changed_at", deleted="deleted"),
            identity=["customer_id"], created="changed_at", retracted="deleted", ...
        )

    `clock` says whose time that is: the database's ("source"), or that of Debezium, which saw the
    change a little later ("connector").

    Numbers and times are read by the schema that comes with an event. For events without one
    `time_unit` is that of times given as numbers ("ms", "us", "ns": for all columns or by column),
    and `decimals` how decimals are written: "text" (`decimal.handling.mode=string`) or "base64"
    (`precise`).
    """

    reader: Kafka | Files
    known_at: str
    deleted: str
    clock: str
    time_unit: str | tuple[tuple[str, str], ...] | None
    decimals: str | None

    def __init__(
        self,
        reader: Kafka | Files,
        *,
        known_at: str,
        deleted: str,
        clock: str = "source",
        time_unit: str | Mapping[str, str] | None = None,
        decimals: str | None = None,
    ) -> None:
        owner = "Debezium"
        _check_reader(owner, reader)
        check_type(owner, "known_at", known_at, str)
        check_type(owner, "deleted", deleted, str)
        _check_choice(owner, "clock", clock, CLOCKS)
        if decimals is not None:
            _check_choice(owner, "decimals", decimals, DECIMALS)
        assign(
            self,
            reader=reader,
            known_at=known_at,
            deleted=deleted,
            clock=clock,
            time_unit=_checked_units(owner, time_unit),
            decimals=decimals,
        )

    @property
    def rereadable(self) -> bool:  # type: ignore[override]
        """Whether all events that were ever read can be read again."""
        return self.reader.rereadable

    @property
    def where(self) -> str:
        return self.reader.where

    def unit_of(self, column: str) -> str | None:
        """The unit of a column's times where they are numbers; None where it was not said."""
        if isinstance(self.time_unit, tuple):
            return dict(self.time_unit).get(column)
        return self.time_unit

    def check(self, owner: str, schema: Schema) -> None:
        self.reader.check(owner, schema)
        known_at = schema.require(owner, "Debezium's known_at", self.known_at)
        if not known_at.is_timestamp:
            raise DefinitionError(
                f"{owner}: Debezium's known_at {self.known_at!r} is {known_at!r}; it must be a Timestamp"
            )
        deleted = schema.require(owner, "Debezium's deleted", self.deleted)
        if deleted != Bool:
            raise DefinitionError(
                f"{owner}: Debezium's deleted {self.deleted!r} is {deleted!r}; it must be a Bool"
            )
        for column, _ in self.time_unit if isinstance(self.time_unit, tuple) else ():
            schema.require(owner, "Debezium's time_unit", column)


def _check_reader(owner: str, reader: object) -> None:
    if not isinstance(reader, Kafka | Files):
        raise DefinitionError(f"{owner}: reader must be Kafka(...) or Files(...), got {reader!r}")
    if isinstance(reader, Files) and reader.format != "json":
        raise DefinitionError(f"{owner}: change events in files are JSON lines, not {reader.format}")


def _check_choice(owner: str, field: str, given: object, allowed: tuple[str, ...]) -> None:
    if given not in allowed:
        raise DefinitionError(f"{owner}: {field}={given!r} is unknown; {choices(str(given), allowed)}")


def _checked_units(
    owner: str, given: str | Mapping[str, str] | None
) -> str | tuple[tuple[str, str], ...] | None:
    if given is None:
        return None
    units = given if isinstance(given, Mapping) else {"": given}
    for unit in units.values():
        _check_choice(owner, "time_unit", unit, UNITS)
    return tuple(sorted(given.items())) if isinstance(given, Mapping) else given
