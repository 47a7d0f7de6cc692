"""Writing a training set to a file that other programs read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pyarrow.csv
import pyarrow.ipc
import pyarrow.parquet

from asof.errors import DefinitionError, NotFound, choices
from asof.training_sets.data import TrainingData

_ROWS_PER_BATCH = 1 << 16


def export(data: TrainingData, path: Path, format: str | None = None) -> int:
    """Write all rows to a file, in the place of what is there, and return their number.

    The file is there whole or not at all. `format` is one of `FORMATS`, by default what the file's name ends
    with. CSV has a header, nothing for null and "" for empty text; floats and times are written so that
    they can be read back exactly.
    """
    name = format or path.suffix.removeprefix(".")
    if name not in FORMATS:
        raise DefinitionError(f"format {name!r} of {path}: {choices(name, FORMATS)}")
    if not path.absolute().parent.is_dir():
        raise NotFound(f"no folder {path.absolute().parent}; make it first")
    schema = data.schema
    if name == "csv":
        _check_flat(schema)
    with _beside(path) as part, FORMATS[name](part, schema) as file:
        for rows in data.batches(_ROWS_PER_BATCH):
            file.write_table(rows)
    return data.rows


@contextmanager
def _beside(path: Path) -> Iterator[Path]:
    """A file in the same folder, which takes the place of `path` when all went well."""
    part = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _check_flat(schema: pa.Schema) -> None:
    for field in schema:
        if pa.types.is_nested(field.type) or pa.types.is_binary(field.type):
            raise DefinitionError(
                f"column {field.name!r} is {field.type}, which csv can't hold; allowed: arrow, parquet"
            )


def _csv(path: Path, schema: pa.Schema) -> Any:
    return pyarrow.csv.CSVWriter(path, schema)


def _parquet(path: Path, schema: pa.Schema) -> Any:
    return pyarrow.parquet.ParquetWriter(path, schema, compression="zstd")


def _arrow(path: Path, schema: pa.Schema) -> Any:
    return pyarrow.ipc.new_file(path, schema)


FORMATS: dict[str, Callable[[Path, pa.Schema], AbstractContextManager[Any]]] = {
    "arrow": _arrow,
    "csv": _csv,
    "parquet": _parquet,
}
