"""A Delta Lake table as the rows of a source."""

from __future__ import annotations

from collections.abc import Mapping

from asof.errors import DefinitionError
from asof.features.definition import assign, check_name, check_type, definition
from asof.features.readers.options import Options, check_options
from asof.features.readers.reader import Reader


@definition
class Delta(Reader):
    """The rows of a Delta Lake table, version by version: each run reads what was added since the last.

    `address` is a folder relative to the project's, or any address that delta-rs takes. Rows that were
    changed or deleted since are an error, unless the table keeps its change data feed and the source
    asks for it: `known_at` then names a Timestamp column that gets the time of the commit, and `deleted`
    a Bool column that says whether the row was taken back. Together with the source's `identity`,
    `created` and `retracted`, an earlier cut-off still sees what was known then.

    `options` go to delta-rs; a `${NAME}` in them or the address is taken from the environment.
    """

    address: str
    known_at: str | None
    deleted: str | None
    options: Options

    def __init__(
        self,
        address: str,
        *,
        known_at: str | None = None,
        deleted: str | None = None,
        options: Mapping[str, str] = {},
    ) -> None:
        check_type("Delta", "address", address, str)
        owner = f"Delta({address!r})"
        if (known_at is None) != (deleted is None):
            raise DefinitionError(f"{owner}: known_at and deleted belong together; give both or none")
        for name in (known_at, deleted):
            if name is not None:
                check_name(f"{owner}: column", name)
        assign(
            self,
            address=address,
            known_at=known_at,
            deleted=deleted,
            options=check_options(owner, options),
        )

    @property
    def where(self) -> str:
        return self.address
