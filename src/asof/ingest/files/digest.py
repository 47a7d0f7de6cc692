"""A digest of bytes that tells a file that was rewritten, at the speed of memory.

It is no cryptographic hash: nobody is kept from making two files with the same digest. Any single
change of up to eight bytes in a row that are read as one word changes it for sure.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from asof.storage.compiled import compiled

Words = npt.NDArray[np.uint64]

_LANES = 4
_STRIPE = 8 * _LANES  # bytes
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
        waiting = self._tail + data
        whole = len(waiting) // _STRIPE * _STRIPE
        _absorb(self._lanes, np.frombuffer(waiting, np.uint64, whole // 8))
        self._tail = waiting[whole:]

    def hexdigest(self) -> str:
        """The digest as text of 64 digits."""
        lanes = self._lanes.copy()
        length = self._length.to_bytes(8, "little") * _LANES
        _absorb(lanes, np.frombuffer(self._tail.ljust(_STRIPE, b"\0") + length, np.uint64))
        return "".join(f"{int(lane):016x}" for lane in lanes)


@compiled
def _absorb(lanes: Words, words: Words) -> None:
    """Mix words into the lanes, each in its turn; every step can be undone, so that no change is lost."""
    prime = np.uint64(0x9FB21C651E98DF25)
    one, two, three, four = lanes
    for at in range(0, len(words), 4):
        one = (one ^ words[at]) * prime
        two = (two ^ words[at + 1]) * prime
        three = (three ^ words[at + 2]) * prime
        four = (four ^ words[at + 3]) * prime
        one ^= one >> np.uint64(32)
        two ^= two >> np.uint64(32)
        three ^= three >> np.uint64(32)
        four ^= four >> np.uint64(32)
    lanes[0], lanes[1], lanes[2], lanes[3] = one, two, three, four
