"""An Apache Iceberg table as the rows of a source."""

from __future__ import annotations

from collections.abc import Mapping

from asof.errors import DefinitionError
from asof.features.definition import assign, check_type, definition
from asof.features.readers.options import Options, check_options
from asof.features.readers.reader import Reader
from asof.features.readers.snapshot import Snapshot
from asof.features.types import Schema


@definition
class Iceberg(Reader):
    """The rows of an Apache Iceberg table, snapshot by snapshot: each run reads what was appended since.

    `table` is its name with its namespace, as "shop.orders"; `catalog` the properties of the catalog
    that knows it, as PyIceberg takes them (`name` is the catalog's own), in which a `${NAME}` is taken
    from the environment: `{"type": "rest", "uri": "https://catalog.example", "token": "${TOKEN}"}`.
    Rows that were changed or deleted since the last run are an error, unless `snapshot` says how they
    are told: by comparing the whole table, at each new snapshot of it that a run finds. What was taken
    in is then kept when the definition changes. Compaction is no change.
    """

    table: str
    catalog: Options
    snapshot: Snapshot | None

    def __init__(self, table: str, *, catalog: Mapping[str, str], snapshot: Snapshot | None = None) -> None:
        owner = f"Iceberg({table!r})"
        if "." not in check_type("Iceberg", "table", table, str):
            raise DefinitionError(f"{owner}: give the table with its namespace, as 'shop.{table}'")
        assign(
            self,
            table=table,
            catalog=check_options(owner, catalog),
            snapshot=None if snapshot is None else check_type(owner, "snapshot", snapshot, Snapshot),
        )

    @property
    def rereadable(self) -> bool:  # type: ignore[override]
        """Whether all that was ever read can be read again."""
        return self.snapshot is None

    @property
    def where(self) -> str:
        return self.table

    def check(self, owner: str, schema: Schema) -> None:
        if self.snapshot is not None:
            self.snapshot.check(owner, schema)
