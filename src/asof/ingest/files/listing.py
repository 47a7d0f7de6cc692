"""Which files there are: those of glob patterns on any file system of fsspec."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import fsspec

from asof.errors import DataError, DefinitionError, MissingExtra
from asof.features.source import Source
from asof.ingest.addresses import is_absolute, located
from asof.ingest.files.opened import Opened, told
from asof.storage.secrets import filled

_EXTRAS = {
    "s3": "s3",
    "s3a": "s3",
    "gs": "gcs",
    "gcs": "gcs",
    "abfs": "azure",
    "abfss": "azure",
    "az": "azure",
}
_MARKS = ("ETag", "etag", "mtime", "LastModified", "last_modified", "Last-Modified", "created")
_NO_GLOB = ("http", "https")


@dataclass(frozen=True)
class Found:
    """A file that matches: its name in cursors and messages, and what tells its content.

    `size` is -1 where the file system does not say. `mark` changes whenever the file is written: its
    etag where there is one, else its time of modification.
    """

    name: str
    size: int
    mark: str
    filesystem: Any
    path: str

    def opened(self) -> Opened:
        """The file, to be read."""
        return Opened(self.filesystem, self.path)

    def is_unchanged(self) -> bool:
        """Whether the file is still as it was found."""
        with told():
            self.filesystem.invalidate_cache()
            return _tells(self.filesystem.info(self.path)) == (self.size, self.mark)


def found_files(
    source: Source, patterns: tuple[str, ...], options: Mapping[str, str], root: str
) -> list[Found]:
    """The files of all patterns, each once, sorted by name."""
    owner = f"source {source.name!r}"
    settings = {name: filled(value, owner) for name, value in options.items()}
    files = {
        file.name: file
        for pattern in patterns
        for file in _matching(
            f"{owner}: {pattern}: ", filled(pattern, owner), settings, os.path.abspath(root)
        )
    }
    return [files[name] for name in sorted(files)]


def _matching(said: str, pattern: str, options: Mapping[str, str], root: str) -> Iterator[Found]:
    filesystem, wanted = _filesystem(located(pattern, root), options)
    for path, info in sorted(_listed(said, filesystem, pattern, wanted)):
        if info["type"] == "file":
            yield Found(_name(filesystem, path, pattern, root), *_tells(info), filesystem, path)


def _filesystem(address: str, options: Mapping[str, str]) -> tuple[Any, str]:
    protocol = address.partition("://")[0] if "://" in address else "file"
    try:
        return fsspec.url_to_fs(address, **options)
    except ImportError as error:
        if protocol in _EXTRAS:
            raise MissingExtra(f"reading {protocol}://", _EXTRAS[protocol]) from error
        raise DataError(f"{protocol}:// can't be read: {error}") from error
    except (ValueError, TypeError) as error:
        raise DefinitionError(f"{protocol}:// can't be opened: {error}") from error


def _listed(said: str, filesystem: Any, pattern: str, path: str) -> list[tuple[str, Mapping[str, Any]]]:
    with told(said), suppress(FileNotFoundError):
        filesystem.invalidate_cache()
        if pattern.startswith(_NO_GLOB):
            return [(path, filesystem.info(path))]
        return list(filesystem.glob(path, detail=True).items())
    return []


def _name(filesystem: Any, path: str, pattern: str, root: str) -> str:
    if not is_absolute(pattern):
        return os.path.relpath(path, root).replace(os.sep, "/")
    return str(filesystem.unstrip_protocol(path)) if "://" in pattern else path


def _tells(info: Mapping[str, Any]) -> tuple[int, str]:
    size = info.get("size")
    marks = (info[key] for key in _MARKS if info.get(key) is not None)
    return -1 if size is None else int(size), next(map(_mark, marks), "")


def _mark(value: object) -> str:
    return str(value.timestamp() if isinstance(value, datetime) else value)
