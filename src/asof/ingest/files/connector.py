"""Files on any file system of fsspec, each read once, piece by piece, in the order of their paths."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import pyarrow as pa

from asof.errors import DataError, NotFound
from asof.features.readers.files import Files
from asof.features.source import Source
from asof.ingest.batch import Batch, Cursor, rejected_table
from asof.ingest.files import arrow_ipc, avro, delimited, json_lines, parquet
from asof.ingest.files.digest import Digest
from asof.ingest.files.in_order import in_order
from asof.ingest.files.listing import Found, found_files
from asof.ingest.files.pieces import Piece, Pieces, Position, rewritten
from asof.ingest.files.progress import Progress
from asof.ingest.place import Place
from asof.ingest.records.parsed import Parsed
from asof.storage.arrow_types import arrow_type

FORMATS: Mapping[str, Pieces] = {
    "csv": partial(delimited.pieces, delimiter=","),
    "tsv": partial(delimited.pieces, delimiter="\t"),
    "json": json_lines.pieces,
    "parquet": parquet.pieces,
    "arrow": arrow_ipc.pieces,
    "avro": avro.pieces,
}
_ROWS_TO_TEXT = 8
"""How much more memory than a text alone it may take to make rows of it, and the rows themselves."""
_STRETCH = 8 << 20  # bytes


@dataclass(frozen=True)
class _Task:
    """A piece of a file, and the cursor once its rows are taken."""

    file: Found
    parse: Callable[[], Parsed]
    cursor: Cursor


class FileConnector:
    """The files of a source.

    The cursor holds for each file that was read its size, mark and a digest of its bytes, and how far
    the file was read that reading stands in. A file that was removed is fine; one whose bytes are others
    than those read is a DataError. `pieces` goes before what the reader's format has.
    """

    def __init__(self, source: Source, place: Place, pieces: Pieces | None = None) -> None:
        assert isinstance(source.reader, Files)
        self._source = source
        self._reader = source.reader
        self._place = place
        self._format = pieces or FORMATS[source.reader.format]

    def pending(self, cursor: Mapping[str, Any] | None) -> list[str]:
        """The names of the files that are new since the cursor, or not read to their ends."""
        return [file.name for file in self._new(Progress.of(cursor))]

    def batches(self, cursor: Mapping[str, Any] | None) -> Iterator[Batch]:
        """A batch for each piece of each new file, the one that reading stands in first."""
        return in_order(self._tasks(Progress.of(cursor)), self._batch)

    def _tasks(self, progress: Progress) -> Iterator[_Task]:
        for file in self._new(progress):
            with self._named(file):
                position = progress.start_of(file)
                for piece, last in _with_last(self._pieces(file, position)):
                    position = piece.end
                    if last:
                        _check_whole(file)
                        progress = progress.past(file, position.digest)
                    else:
                        progress = progress.at(file, position)
                    yield _Task(file, piece.parse, progress.cursor)

    def _pieces(self, file: Found, start: Position) -> Iterator[Piece]:
        found = False
        size = max(1, self._place.memory // _ROWS_TO_TEXT)
        for piece in self._format(file.opened(), self._source, size, start):
            found = True
            yield piece
        if not found:
            yield Piece(self._nothing, start)

    def _nothing(self) -> Parsed:
        fields = [(name, arrow_type(dtype.name)) for name, dtype in self._source.schema.items()]
        return Parsed(pa.schema(fields).empty_table(), [])

    def _batch(self, task: _Task) -> Batch:
        with self._named(task.file):
            parsed = task.parse()
        return Batch(
            rows=parsed.rows,
            rejected=rejected_table(parsed.rejections, task.file.name),
            cursor=task.cursor,
            origin=task.file.name,
            rows_read=parsed.rows.num_rows + len(parsed.rejections),
            ignored=parsed.ignored,
        )

    def _new(self, progress: Progress) -> list[Found]:
        found = found_files(self._source, self._reader.patterns, dict(self._reader.options), self._place.root)
        if not found and not progress.files and progress.within is None:
            raise NotFound(
                f"source {self._source.name!r}: no file matches {self._reader.where} in {self._place.root}"
            )
        for file in found:
            if file.name in progress.files:
                self._check_unchanged(file, *progress.files[file.name])
        new = [file for file in found if file.name not in progress.files]
        return sorted(new, key=lambda file: file.name != progress.within)

    def _check_unchanged(self, file: Found, size: int, mark: str, digest: str) -> None:
        if mark and (file.size, file.mark) == (size, mark):
            return
        with self._named(file):
            if file.size != size or _digest(file) != digest:
                raise rewritten()

    @contextmanager
    def _named(self, file: Found) -> Iterator[None]:
        try:
            yield
        except DataError as error:
            raise DataError(f"source {self._source.name!r}: {file.name}: {error}") from error


def _with_last(pieces: Iterator[Piece]) -> Iterator[tuple[Piece, bool]]:
    """The pieces, and of each whether it is the last."""
    piece = next(pieces)
    for following in pieces:
        yield piece, False
        piece = following
    yield piece, True


def _check_whole(file: Found) -> None:
    if not file.is_unchanged():
        raise DataError("changed while it was read; run again when it is complete")


def _digest(file: Found) -> str:
    """The digest of a file's bytes once unpacked."""
    digest = Digest()
    with file.opened().stream() as stream:
        while stretch := stream.read(_STRETCH):
            digest.update(stretch)
    return digest.hexdigest()
