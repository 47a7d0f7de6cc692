"""Files of a glob pattern, on any file system of fsspec, each read once in the order of their paths."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import fsspec
import pyarrow as pa

from asof.errors import DataError, NotFound
from asof.features.readers.files import Files
from asof.features.source import Source
from asof.ingest import delimited, json_lines, parquet
from asof.ingest.batch import Batch, rejected_table
from asof.ingest.place import Place
from asof.ingest.records import Parsed

FORMATS: Mapping[str, Callable[[bytes, Source], Parsed]] = {
    "csv": partial(delimited.read, delimiter=","),
    "tsv": partial(delimited.read, delimiter="\t"),
    "json": json_lines.read,
    "parquet": parquet.read,
}
CODECS = {".gz": "gzip", ".zst": "zstd"}


@dataclass(frozen=True)
class Found:
    """A file that matches: where it is, its name in cursors and messages, and what tells its content.

    `mark` changes whenever the file is written: its etag where the file system has one, else its
    time of modification.
    """

    path: str
    name: str
    size: int
    mark: str


class FileConnector:
    """The files of a source.

    The cursor holds for each file that was read its size, mark and a digest of its bytes. A file
    that was removed is fine; one whose bytes are others than those read is a DataError.
    """

    def __init__(self, source: Source, place: Place) -> None:
        assert isinstance(source.reader, Files)
        self._source = source
        self._reader = source.reader
        self._pattern = source.reader.pattern
        self._base = None if _is_address(self._pattern) else os.path.abspath(place.root)
        self._fs, self._path = fsspec.url_to_fs(os.path.join(self._base or "", self._pattern))

    def pending(self, cursor: Mapping[str, Any] | None) -> list[str]:
        """The names of the files that are new since the cursor, sorted by path."""
        return [file.name for file in self._new(_read_before(cursor))]

    def batches(self, cursor: Mapping[str, Any] | None) -> Iterator[Batch]:
        """One batch for each new file."""
        before = _read_before(cursor)
        for file in self._new(before):
            packed = self._bytes(file)
            before = before | {file.name: [file.size, file.mark, _digest(packed)]}
            parsed = self._parsed(file, packed)
            yield Batch(
                rows=parsed.rows,
                rejected=rejected_table(parsed.rejections, file.name),
                cursor={"files": before},
                origin=file.name,
                rows_read=parsed.rows.num_rows + len(parsed.rejections),
            )

    def _new(self, before: Mapping[str, Any]) -> list[Found]:
        found = self._matching()
        if not found and not before:
            where = f" in {self._base}" if self._base else ""
            raise NotFound(f"source {self._source.name!r}: no file matches {self._pattern}{where}")
        for file in found:
            if file.name in before:
                self._check_unchanged(file, *before[file.name])
        return [file for file in found if file.name not in before]

    def _matching(self) -> list[Found]:
        listed = self._fs.glob(self._path, detail=True)
        return [
            Found(path, self._name(path), int(info["size"]), _mark(info))
            for path, info in sorted(listed.items())
            if info["type"] == "file"
        ]

    def _name(self, path: str) -> str:
        if self._base is not None:
            return os.path.relpath(path, self._base).replace(os.sep, "/")
        return str(self._fs.unstrip_protocol(path)) if "://" in self._pattern else path

    def _check_unchanged(self, file: Found, size: int, mark: str, digest: str) -> None:
        if (file.size, file.mark) == (size, mark):
            return
        if file.size != size or _digest(self._bytes(file)) != digest:
            raise DataError(
                f"source {self._source.name!r}: {file.name} was rewritten after it was read; "
                "put the old file back and the changed rows into a file with a new name"
            )

    def _bytes(self, file: Found) -> bytes:
        try:
            packed = self._fs.cat_file(file.path)
        except OSError as error:
            raise self._fault(file, f"can't be read: {error}") from error
        if len(packed) != file.size:
            raise self._fault(file, "changed while it was read; run again when it is complete")
        return bytes(packed)

    def _parsed(self, file: Found, packed: bytes) -> Parsed:
        try:
            return FORMATS[self._reader.format](_unpacked(file.name, packed), self._source)
        except DataError as error:
            raise self._fault(file, str(error)) from error

    def _fault(self, file: Found, what: str) -> DataError:
        return DataError(f"source {self._source.name!r}: {file.name}: {what}")


def _read_before(cursor: Mapping[str, Any] | None) -> dict[str, Any]:
    return dict(cursor.get("files", {})) if cursor else {}


def _is_address(pattern: str) -> bool:
    return "://" in pattern or os.path.isabs(pattern)


def _mark(info: Mapping[str, Any]) -> str:
    for key in ("ETag", "etag", "mtime", "LastModified", "last_modified", "created"):
        if info.get(key) is not None:
            return str(info[key])
    return ""


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def _unpacked(name: str, packed: bytes) -> bytes:
    codec = CODECS.get(os.path.splitext(name)[1])
    if codec is None:
        return packed
    try:
        with pa.CompressedInputStream(pa.BufferReader(packed), codec) as stream:
            return bytes(stream.read())
    except OSError as error:
        raise DataError(f"the {codec} file is broken or cut short: {error}; send it again") from error
