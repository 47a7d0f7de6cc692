"""Files as the rows of a source."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath

from asof.errors import DefinitionError, choices
from asof.features.definition import assign, check_each, check_type, definition
from asof.features.readers.options import Options, check_options
from asof.features.readers.reader import Reader

FORMATS = {
    "csv": (".csv",),
    "tsv": (".tsv",),
    "json": (".jsonl", ".ndjson", ".json"),
    "parquet": (".parquet",),
    "arrow": (".arrow", ".arrows", ".feather"),
    "avro": (".avro",),
}
COMPRESSIONS = (".gz", ".zst")

_PASSWORD = re.compile(r"(://[^/@:]*:)[^/@]+@")


@definition
class Files(Reader):
    """Files that match a glob pattern, each read once, in the order of their paths.

    `patterns` is one pattern or a list of them, each relative to the project's folder or any address that
    fsspec takes (`s3://bucket/orders/*.csv`, `https://shop.example/orders.csv`). `format` is csv, tsv,
    json (one object a line), parquet, arrow (IPC, file or stream) or avro, by default told from the
    suffix; `.gz` and `.zst` are unpacked. The texts in `nulls` mean null. `options` go to fsspec; a
    `${NAME}` in them or in a pattern is taken from the environment.
    """

    patterns: tuple[str, ...]
    format: str
    nulls: tuple[str, ...]
    options: Options

    def __init__(
        self,
        patterns: str | Iterable[str],
        *,
        format: str | None = None,
        nulls: Iterable[str] = ("",),
        options: Mapping[str, str] = {},
    ) -> None:
        given = (
            (patterns,) if isinstance(patterns, str) else check_each("Files", "patterns", patterns, (str,))
        )
        owner = f"Files({', '.join(map(repr, given))})"
        if not given:
            raise DefinitionError(f"{owner}: give at least one pattern, as 'orders/*.csv'")
        if format is not None and check_type(owner, "format", format, str) not in FORMATS:
            raise DefinitionError(f"{owner}: format {format!r} can't be read; {choices(format, FORMATS)}")
        assign(
            self,
            patterns=given,
            format=format or _format_of(owner, given),
            nulls=check_each(owner, "nulls", nulls, (str,)),
            options=check_options(owner, options),
        )

    @property
    def where(self) -> str:
        return ", ".join(_PASSWORD.sub(r"\1***@", pattern) for pattern in self.patterns)


def _format_of(owner: str, patterns: tuple[str, ...]) -> str:
    found = {_told_by_suffix(pattern) for pattern in patterns}
    if len(found) == 1 and (format := found.pop()):
        return format
    raise DefinitionError(
        f"{owner}: the suffix does not tell the format; give format= one of {', '.join(FORMATS)}"
    )


def _told_by_suffix(pattern: str) -> str | None:
    suffixes = [suffix.rstrip("*").lower() for suffix in PurePosixPath(pattern).suffixes]
    for suffix in reversed([suffix for suffix in suffixes if suffix not in COMPRESSIONS]):
        for name, endings in FORMATS.items():
            if suffix in endings:
                return name
    return None
