"""A digest of bytes that tells a file that was rewritten, at the speed of memory.

It is no cryptographic hash: nobody is kept from making two files with the same digest. Any single
change of up to eight bytes in a row that are read as one word changes it for sure.
"""

from __future__ import annotations

import numpy as np

from asof.storage.byte_words import SIZE, Bytes, Words, word_at
from asof.storage.compiled import compiled

_LANES = 4
_STRIPE = SIZE * _LANES  # bytes
_SEEDS = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x27D4EB2F165667C5], np.uint64)


class Digest:
    """The digest of all bytes so far, however they were cut."""

    def __init__(self) -> None:
        self._lanes = _SEEDS.copy()
        self._tail = b""
        self._length = 0

    def update(self, data: bytes) -> None:
        """Take more bytes."""
        self._length += len(data)
        missing = min(-len(self._tail) % _STRIPE, len(data))
        self._tail += data[:missing]
        if len(self._tail) == _STRIPE:
            self._absorb(self._tail, 0, _STRIPE)
            self._tail = b""
        if not self._tail:
            end = len(data) - (len(data) - missing) % _STRIPE
            self._absorb(data, missing, end)
            self._tail = data[end:]

    def hexdigest(self) -> str:
        """The digest as text of 64 digits."""
        lanes = self._lanes.copy()
        length = self._length.to_bytes(8, "little") * _LANES
        _absorb(lanes, np.frombuffer(self._tail.ljust(_STRIPE, b"\0") + length, np.uint8), 0, 2 * _STRIPE)
        return "".join(f"{int(lane):016x}" for lane in lanes)

    def _absorb(self, data: bytes, start: int, end: int) -> None:
        _absorb(self._lanes, np.frombuffer(data, np.uint8), start, end)


@compiled
def _absorb(lanes: Words, data: Bytes, start: int, end: int) -> None:
    """Mix words into the lanes, each in its turn; every step can be undone, so that no change is lost."""
    prime = np.uint64(0x9FB21C651E98DF25)
    one, two, three, four = lanes
    for at in range(start, end, _STRIPE):
        one = (one ^ word_at(data, at)) * prime
        two = (two ^ word_at(data, at + 8)) * prime
        three = (three ^ word_at(data, at + 16)) * prime
        four = (four ^ word_at(data, at + 24)) * prime
        one ^= one >> np.uint64(32)
        two ^= two >> np.uint64(32)
        three ^= three >> np.uint64(32)
        four ^= four >> np.uint64(32)
    lanes[0], lanes[1], lanes[2], lanes[3] = one, two, three, four
