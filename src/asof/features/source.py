"""Sources: rows from outside, with their times, cleaning and rules."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, available_timezones

from asof.errors import DefinitionError
from asof.features.cleaning import Step
from asof.features.cleaning.fit import check_fit
from asof.features.cleaning.step import checked_steps
from asof.features.contract import LENIENT, Contract
from asof.features.definition import assign, check_each, check_name, check_type, definition
from asof.features.expectations import Expectation
from asof.features.readers.reader import Reader
from asof.features.types import Bool, DType, Schema, check_columns


@definition
class Source:
    """Rows that a reader brings, with the columns in `schema`.

    `event_time` names the column that says when a row's fact happened. A source without one gives
    `known_since` instead: all its rows then count as facts from that moment on, an assumption that
    every manifest repeats. `created` names the column that says since when a row was known; a row is
    never seen by a cut-off before it. `identity` names the columns that tell facts apart: rows
    that agree in them are revisions of one fact, and one whose `retracted` column is true takes the
    fact back. Both need `created`. Times without a zone are read in `timezone`; everything is kept
    in UTC.

    `contract` says what happens to what the schema does not foresee, `max_rejected` how many of the
    rows that a step of a run reads may go to quarantine before it fails: a number, or below 1 a share.
    `clean` steps are applied in order, then the rules in `expect` are held against each row.
    """

    name: str
    reader: Reader
    schema: Schema
    event_time: str | None
    known_since: datetime | None
    created: str | None
    identity: tuple[str, ...]
    retracted: str | None
    timezone: str
    contract: Contract
    max_rejected: int | float | None
    clean: tuple[Step, ...]
    expect: tuple[Expectation, ...]

    def __init__(
        self,
        name: str,
        *,
        reader: Reader,
        schema: Mapping[str, DType | str],
        event_time: str | None = None,
        known_since: datetime | str | None = None,
        created: str | None = None,
        identity: Iterable[str] = (),
        retracted: str | None = None,
        timezone: str = "UTC",
        contract: Contract = LENIENT,
        max_rejected: float | None = None,
        clean: Iterable[Step] = (),
        expect: Iterable[Expectation] = (),
    ) -> None:
        check_name("Source", name)
        owner = f"Source {name!r}"
        check_type(owner, "reader", reader, Reader)
        check_type(owner, "schema", schema, Mapping)  # type: ignore[type-abstract]
        assign(
            self,
            name=name,
            reader=reader,
            schema=_user_columns(owner, Schema(schema)),
            event_time=event_time,
            known_since=_instant(owner, known_since),
            created=created,
            identity=check_each(owner, "identity", identity, (str,)),
            retracted=retracted,
            timezone=_zone(owner, timezone),
            contract=check_type(owner, "contract", contract, Contract),
            max_rejected=_limit(owner, max_rejected),
            clean=checked_steps(owner, clean),
            expect=check_each(owner, "expect", expect, (Expectation,)),
        )
        reader.check(owner, self.schema)
        _check_times(owner, self)
        times = [name for name in (event_time, created) if name is not None]
        check_fit(owner, self.clean, self.schema, times)
        _check_identity(owner, self)
        for rule in self.expect:
            rule.check(owner, self.columns)

    @property
    def columns(self) -> Schema:
        """The columns after cleaning, with their types."""
        columns = self.schema
        for step in self.clean:
            columns = step.after(f"Source {self.name!r}", columns)
        return columns


def _user_columns(owner: str, schema: Schema) -> Schema:
    if not schema:
        raise DefinitionError(f"{owner}: schema is empty; name the columns, as in {{'amount': Float64}}")
    return check_columns(owner, schema)


def _instant(owner: str, given: datetime | str | None) -> datetime | None:
    if given is None:
        return None
    try:
        instant = datetime.fromisoformat(given) if isinstance(given, str) else given
        return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
    except (ValueError, TypeError, AttributeError):
        raise DefinitionError(f"{owner}: known_since {given!r} is not a time, as in '2024-01-01'") from None


def _limit(owner: str, given: object) -> int | float | None:
    rows = isinstance(given, int) and not isinstance(given, bool) and given >= 0
    if given is None or rows or (isinstance(given, float) and 0 < given < 1):
        return given  # type: ignore[return-value]
    raise DefinitionError(
        f"{owner}: max_rejected={given!r} is neither a number of rows, as in 100, nor a share, as in 0.01"
    )


def _zone(owner: str, name: str) -> str:
    try:
        ZoneInfo(name)
    except (ValueError, OSError, LookupError, TypeError):
        near = difflib.get_close_matches(str(name), available_timezones(), n=1)
        meant = f"did you mean {near[0]!r}? " if near else ""
        raise DefinitionError(
            f"{owner}: timezone {name!r} is unknown; {meant}Allowed: names such as 'UTC' or 'Europe/Paris'"
        ) from None
    return name


def _check_times(owner: str, source: Source) -> None:
    if (source.event_time is None) == (source.known_since is None):
        raise DefinitionError(
            f"{owner}: give either event_time, the column that says when a row's fact happened, "
            "or known_since, the moment from which all its rows count as known"
        )
    columns = source.columns
    for what in ("event_time", "created"):
        name = getattr(source, what)
        if name is not None and not columns.require(owner, what, name).is_timestamp:
            raise DefinitionError(f"{owner}: {what} {name!r} is {columns[name]!r}; it must be a Timestamp")


def _check_identity(owner: str, source: Source) -> None:
    columns = source.columns
    for name in source.identity:
        columns.require(owner, "identity", name)
    if source.identity and source.created is None:
        raise DefinitionError(f"{owner}: identity needs created, the time since when a revision is known")
    if source.retracted is not None:
        if not source.identity:
            raise DefinitionError(
                f"{owner}: retracted needs identity, which tells the fact that is taken back"
            )
        if columns.require(owner, "retracted", source.retracted) != Bool:
            raise DefinitionError(
                f"{owner}: retracted {source.retracted!r} is {columns[source.retracted]!r}; it must be a Bool"
            )
