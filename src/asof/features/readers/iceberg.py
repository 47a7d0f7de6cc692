"""An Apache Iceberg table as the rows of a source."""

from __future__ import annotations

from collections.abc import Mapping

from asof.errors import DefinitionError
from asof.features.definition import assign, check_type, definition
from asof.features.readers.options import Options, check_options
from asof.features.readers.reader import Reader


@definition
class Iceberg(Reader):
    """The rows of an Apache Iceberg table, snapshot by snapshot: each run reads what was appended since.

    `table` is its name with its namespace, as "shop.orders"; `catalog` the properties of the catalog
    that knows it, as PyIceberg takes them (`name` is the catalog's own), in which a `${NAME}` is taken
    from the environment: `{"type": "rest", "uri": "https://catalog.example", "token": "${TOKEN}"}`.
    Rows that were changed or deleted since the last run are an error; compaction is not.
    """

    table: str
    catalog: Options

    def __init__(self, table: str, *, catalog: Mapping[str, str]) -> None:
        owner = f"Iceberg({table!r})"
        if "." not in check_type("Iceberg", "table", table, str):
            raise DefinitionError(f"{owner}: give the table with its namespace, as 'shop.{table}'")
        assign(self, table=table, catalog=check_options(owner, catalog))

    @property
    def where(self) -> str:
        return self.table
