"""A place for files: a local path, or any URL that delta-rs takes."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pyarrow.fs as fs
from deltalake.fs import DeltaStorageHandler

_AT_ONCE = 16  # files removed


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder, whether or not it exists.

    Holds no connection: it can be copied, pickled and used from several threads and processes.
    """

    uri: str
    storage_options: Mapping[str, str] | None = None

    @property
    def options(self) -> dict[str, str] | None:
        """The storage options as delta-rs takes them."""
        return dict(self.storage_options) if self.storage_options is not None else None

    def filesystem(self, *, mapped: bool = False) -> fs.FileSystem:
        """The files in the folder, by their paths within it; `mapped` into memory if they are local."""
        if self._is_url:
            return fs.PyFileSystem(DeltaStorageHandler(self.uri, self.options))
        return fs.SubTreeFileSystem(self.uri, fs.LocalFileSystem(use_mmap=mapped))

    def create(self) -> None:
        """Make the folder, where folders are made at all."""
        if not self._is_url:
            Path(self.uri).mkdir(parents=True, exist_ok=True)

    def delete(self) -> None:
        """Remove the folder with all that is in it, where it is there."""
        if self._is_url:
            self.remove(self.files())
        elif Path(self.uri).exists():
            shutil.rmtree(self.uri)

    def files(self) -> list[fs.FileInfo]:
        """All files in the folder, however deep, by their paths within it."""
        found = self.filesystem().get_file_info(fs.FileSelector("", recursive=True, allow_not_found=True))
        return [info for info in found if info.type == fs.FileType.File]

    def remove(self, files: Iterable[fs.FileInfo]) -> None:
        """Remove files, some at a time; one that is gone already does not matter."""
        filesystem = self.filesystem()

        def remove(info: fs.FileInfo) -> None:
            with suppress(FileNotFoundError):
                filesystem.delete_file(info.path)

        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="asof-remove") as threads:
            list(threads.map(remove, files))

    @property
    def _is_url(self) -> bool:
        return "://" in self.uri
