"""Files as streams of bytes, from any file system, unpacked where they are compressed."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

import pyarrow as pa
from fsspec.implementations.local import LocalFileSystem

from asof.errors import DataError

CODECS = {".gz": "gzip", ".zst": "zstd"}
_STRETCH = 8 << 20  # bytes that are fetched at a time


class Opened:
    """A file of an fsspec file system: `path` there, and what its name says of how it is packed."""

    def __init__(self, filesystem: Any, path: str) -> None:
        self._filesystem = filesystem
        self._path = path
        self._codec = CODECS.get(os.path.splitext(path.partition("?")[0])[1])

    @contextmanager
    def stream(self) -> Iterator[Stream]:
        """The file's bytes from the start on, unpacked."""
        with self._packed() as packed:
            if self._codec is None:
                yield Stream(_Fetched(packed), None)
                return
            with pa.CompressedInputStream(pa.PythonFile(_Fetched(packed), "r"), self._codec) as unpacked:
                yield Stream(unpacked, self._codec)

    @contextmanager
    def seekable(self) -> Iterator[BinaryIO]:
        """The file's bytes, unpacked, to be read in any order; what is not on disk is brought there."""
        if self._codec is None and _is_local(self._filesystem):
            with self._packed() as packed:
                yield packed
            return
        with tempfile.TemporaryFile() as copy, self.stream() as stream:
            while stretch := stream.read(_STRETCH):
                copy.write(stretch)
            copy.seek(0)
            yield copy

    @contextmanager
    def _packed(self) -> Iterator[Any]:
        with told():
            opened = self._filesystem.open(self._path, "rb", block_size=_STRETCH)
        with opened as packed:
            yield packed


class Stream:
    """Bytes that are read once, from front to back."""

    def __init__(self, source: Any, codec: str | None) -> None:
        self._source = source
        self._codec = codec

    def read(self, size: int) -> bytes:
        """The next `size` bytes, fewer only at the end."""
        first = self._some(size)
        if len(first) == size or not first:
            return first
        parts, missing = [first], size - len(first)
        while missing and (part := self._some(missing)):
            parts.append(part)
            missing -= len(part)
        return b"".join(parts)

    def _some(self, size: int) -> bytes:
        try:
            return bytes(self._source.read(size))
        except (OSError, EOFError) as error:
            raise DataError(
                f"the {self._codec} file is broken or cut short: {error}; send it again"
            ) from error


class _Fetched:
    """A file whose file system may fail at any time, as when it is behind a network."""

    def __init__(self, file: Any) -> None:
        self._file = file

    @property
    def closed(self) -> bool:
        return bool(self._file.closed)

    def close(self) -> None:
        self._file.close()

    def read(self, size: int = -1) -> bytes:
        with told():
            return bytes(self._file.read(size))


@contextmanager
def told(said: str = "") -> Iterator[None]:
    """Whatever the libraries of file systems raise, as a DataError that begins with what is `said`."""
    try:
        yield
    except Exception as error:
        raise DataError(f"{said}can't be read: {error}; run again once it can") from error


def _is_local(filesystem: Any) -> bool:
    return isinstance(filesystem, LocalFileSystem)
