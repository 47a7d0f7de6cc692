"""A Delta Lake table as the rows of a source."""

from __future__ import annotations

from collections.abc import Mapping

from asof.errors import DefinitionError
from asof.features.definition import assign, check_name, check_type, definition
from asof.features.readers.options import Options, check_options
from asof.features.readers.reader import Reader
from asof.features.readers.snapshot import Snapshot
from asof.features.types import Schema


@definition
class Delta(Reader):
    """The rows of a Delta Lake table, version by version: each run reads what was added since the last.

    `address` is a folder relative to the project's, or any address that delta-rs takes. Rows that were
    changed or deleted since are an error, unless the source says how they are told. Where the table keeps
    its change data feed, `known_at` names a Timestamp column that gets the time of the commit, and
    `deleted` a Bool column that says whether the row was taken back. Together with the source's
    `identity`, `created` and `retracted`, an earlier cut-off still sees what was known then. Where it has
    no feed, `snapshot` does the same by comparing the whole table, at each new version that a run finds;
    what was taken in is then kept when the definition changes, as older versions may be gone.

    `options` go to delta-rs; a `${NAME}` in them or the address is taken from the environment.
    """

    address: str
    known_at: str | None
    deleted: str | None
    snapshot: Snapshot | None
    options: Options

    def __init__(
        self,
        address: str,
        *,
        known_at: str | None = None,
        deleted: str | None = None,
        snapshot: Snapshot | None = None,
        options: Mapping[str, str] = {},
    ) -> None:
        check_type("Delta", "address", address, str)
        owner = f"Delta({address!r})"
        if (known_at is None) != (deleted is None):
            raise DefinitionError(f"{owner}: known_at and deleted belong together; give both or none")
        if snapshot is not None and known_at is not None:
            raise DefinitionError(
                f"{owner}: a Snapshot has its own known_at and deleted; give one or the other"
            )
        for name in (known_at, deleted):
            if name is not None:
                check_name(f"{owner}: column", name)
        assign(
            self,
            address=address,
            known_at=known_at,
            deleted=deleted,
            snapshot=None if snapshot is None else check_type(owner, "snapshot", snapshot, Snapshot),
            options=check_options(owner, options),
        )

    @property
    def rereadable(self) -> bool:  # type: ignore[override]
        """Whether all that was ever read can be read again."""
        return self.snapshot is None

    @property
    def where(self) -> str:
        return self.address

    def check(self, owner: str, schema: Schema) -> None:
        if self.snapshot is not None:
            self.snapshot.check(owner, schema)
