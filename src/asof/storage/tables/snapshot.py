"""A version of a table, opened: its files are known, and can be read from again and again."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.fs as fs
from deltalake import DeltaTable

from asof.errors import DefinitionError, NotFound, choices
from asof.storage.tables.nanoseconds import declared
from asof.storage.tables.pruning import Files

_REFUSED = (pa.ArrowNotImplementedError, pa.ArrowTypeError, pa.ArrowInvalid)


class Snapshot:
    """The rows of one version, or those in some of its files; safe to share by threads, not by processes."""

    def __init__(
        self, at: DeltaTable, filesystem: fs.FileSystem, paths: Collection[str] | None = None
    ) -> None:
        self._files = Files(at, filesystem, paths)
        self.schema: pa.Schema = declared(self._files.schema)

    def read(self, columns: Sequence[str] | None = None, where: pc.Expression | None = None) -> pa.Table:
        """As `Table.read`."""
        selected = self._selected(columns)
        return pa.Table.from_batches(list(self._scan(selected, where)), selected)

    def batches(
        self, columns: Sequence[str] | None = None, where: pc.Expression | None = None
    ) -> Iterator[pa.RecordBatch]:
        """As `Table.batches`."""
        return self._scan(self._selected(columns), where)

    def _selected(self, columns: Sequence[str] | None) -> pa.Schema:
        wanted = list(self.schema.names if columns is None else columns)
        _check_columns(wanted, self.schema)
        return pa.schema([self.schema.field(name) for name in wanted])

    def _scan(self, selected: pa.Schema, where: pc.Expression | None) -> Iterator[pa.RecordBatch]:
        files = self._files.dataset(where)
        return _scan(files, self.schema, selected, where)


def _scan(
    files: ds.Dataset, schema: pa.Schema, selected: pa.Schema, where: pc.Expression | None
) -> Iterator[pa.RecordBatch]:
    try:
        scanner = files.scanner(columns=selected.names, filter=where)
    except _REFUSED as error:
        if files.schema == schema:
            raise DefinitionError(f"no filter on these columns: {where}; {error}") from error
        return _filtered(files, schema, selected, where)
    return (batch.cast(selected) for batch in _reading(scanner))


def _filtered(
    files: ds.Dataset, schema: pa.Schema, selected: pa.Schema, where: pc.Expression | None
) -> Iterator[pa.RecordBatch]:
    # Nanosecond times are stored as integers, which a filter on times can't be pushed down to.
    for batch in _reading(files.scanner()):
        yield batch.cast(schema).filter(where).select(selected.names)


def _reading(scanner: ds.Scanner) -> Iterator[pa.RecordBatch]:
    try:
        yield from (batch for batch in scanner.to_batches() if batch.num_rows)
    except FileNotFoundError as error:
        raise NotFound(f"files of this version are gone (vacuumed?): {error}") from error


def _check_columns(wanted: Iterable[str], schema: pa.Schema) -> None:
    for name in wanted:
        if name not in schema.names:
            raise NotFound(f"no column {name!r}; {choices(name, schema.names)}")
