"""Files as the rows of a source."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePosixPath

from asof.errors import DefinitionError, choices
from asof.features.definition import assign, check_each, check_type, definition
from asof.features.readers.reader import Reader

FORMATS = {
    "csv": (".csv",),
    "tsv": (".tsv",),
    "json": (".jsonl", ".ndjson", ".json"),
    "parquet": (".parquet",),
}
COMPRESSIONS = (".gz", ".zst")


@definition
class Files(Reader):
    """Files that match a glob pattern, each read once, in the order of their paths.

    `pattern` is relative to the project's folder, or any address that fsspec takes
    (`s3://bucket/orders/*.csv`). `format` is csv, tsv, json (one object a line) or parquet, by
    default told from the suffix; `.gz` and `.zst` are unpacked. The texts in `nulls` mean null.
    """

    pattern: str
    format: str
    nulls: tuple[str, ...]

    def __init__(self, pattern: str, *, format: str | None = None, nulls: Iterable[str] = ("",)) -> None:
        check_type("Files", "pattern", pattern, str)
        owner = f"Files({pattern!r})"
        if format is not None and check_type(owner, "format", format, str) not in FORMATS:
            raise DefinitionError(f"{owner}: format {format!r} can't be read; {choices(format, FORMATS)}")
        assign(
            self,
            pattern=pattern,
            format=format or _format_of(pattern),
            nulls=check_each(owner, "nulls", nulls, (str,)),
        )

    @property
    def where(self) -> str:
        return self.pattern


def _format_of(pattern: str) -> str:
    suffixes = [suffix.rstrip("*").lower() for suffix in PurePosixPath(pattern).suffixes]
    for suffix in reversed([suffix for suffix in suffixes if suffix not in COMPRESSIONS]):
        for name, endings in FORMATS.items():
            if suffix in endings:
                return name
    raise DefinitionError(
        f"Files({pattern!r}): the suffix does not tell the format; give format= one of {', '.join(FORMATS)}"
    )
