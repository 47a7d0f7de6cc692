"""Text in blocks of whole records, so that a file of any size is read in little memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from asof.errors import DataError
from asof.ingest.files.digest import Digest
from asof.ingest.files.opened import Stream
from asof.ingest.files.pieces import Position
from asof.storage.byte_words import Bytes
from asof.storage.compiled import compiled

BOM = b"\xef\xbb\xbf"
_LF = ord("\n")
LONGEST = 4
"""Blocks that a record may take up."""


@dataclass(frozen=True)
class Block:
    """Some lines of a file; `line` is the number of those before them."""

    text: bytes
    line: int
    end: Position


class TextReader:
    """The text of a stream, taken bit by bit from its start on."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._ahead = b""
        self._digest = Digest()
        self._offset = 0
        self._line = 0
        self._ended = False

    @property
    def position(self) -> Position:
        """Up to where text was taken."""
        return Position(self._offset, self._line, self._digest.hexdigest())

    def peek(self, size: int) -> bytes:
        """The next `size` bytes, fewer only where the text ends."""
        missing = size - len(self._ahead)
        if missing > 0 and not self._ended:
            more = self._stream.read(missing)
            self._ended = len(more) < missing
            self._ahead = self._ahead + more if self._ahead else more
        return self._ahead[:size]

    def is_rest(self, text: bytes) -> bool:
        """Whether nothing comes after a text that was peeked at."""
        return self._ended and len(text) == len(self._ahead)

    def take(self, size: int) -> bytes:
        """Bytes that were peeked at."""
        taken, self._ahead = self._ahead[:size], self._ahead[size:]
        self._digest.update(taken)
        self._offset += len(taken)
        self._line += lines_in(taken)
        return taken

    def skip_to(self, position: Position, stretch: int) -> None:
        """Take all up to where reading stood before; DataError where that was other text."""
        while self._offset < position.offset and (ahead := self.peek(stretch)):
            self._take_unseen(min(len(ahead), position.offset - self._offset))
        position.check(self._digest.hexdigest())
        self._line = position.line

    def _take_unseen(self, size: int) -> None:
        self._digest.update(self._ahead[:size])
        self._offset += size
        self._ahead = self._ahead[size:]


def blocks(reader: TextReader, size: int, cut: Callable[[bytes], int]) -> Iterator[Block]:
    """The rest of the text in blocks of about `size` bytes, at least one.

    `cut` tells where the last whole record ends in text that goes on, 0 where none does. DataError for
    a line that is longer than `LONGEST` blocks.
    """
    wanted, begun = size, False
    while (text := reader.peek(wanted)) or not begun:
        at = len(text) if reader.is_rest(text) else cut(text)
        if not at and text and len(text) < LONGEST * size:
            wanted = min(2 * wanted, LONGEST * size)
            continue
        line = reader.position.line
        yield Block(reader.take(at or _first_line(text, line)), line, reader.position)
        wanted, begun = size, True


def cut_lines(text: bytes) -> int:
    r"""Where the last line ends in text that goes on: after LF, or else after a CR that no LF can follow.

    >>> cut_lines(b"a\nb"), cut_lines(b"a\rb\r"), cut_lines(b"a")
    (2, 2, 0)
    """
    return text.rfind(b"\n") + 1 or text.rfind(b"\r", 0, max(len(text) - 1, 0)) + 1


def lines_in(text: bytes) -> int:
    r"""The number of ends of lines: LF, CR or both.

    >>> lines_in(b"a\r\nb\n\rc")
    3
    """
    lines = _count(np.frombuffer(text, np.uint8), _LF)
    return lines + text.count(b"\r") - text.count(b"\r\n") if b"\r" in text else lines


@compiled
def _count(text: Bytes, byte: int) -> int:
    found = 0
    for each in text:
        found += each == byte
    return found


def is_utf8(text: bytes) -> bool:
    """Whether all bytes are UTF-8."""
    try:
        return text.isascii() or bool(text.decode())
    except UnicodeDecodeError:
        return False


def _first_line(text: bytes, line: int) -> int:
    ends = [at for at in (text.find(b"\n"), text.find(b"\r")) if at >= 0]
    if text and not ends:
        raise DataError(
            f"line {line + 1} is longer than {len(text):,} bytes; raise the setting memory to read it"
        )
    at = min(ends, default=0)
    return at + 2 if text[at : at + 2] == b"\r\n" else at + 1
