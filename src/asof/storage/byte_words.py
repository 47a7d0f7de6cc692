"""Eight bytes of a text at a time, for compiled loops.

A *word* is eight bytes as one number, the first of them lowest. A loop that asks something of every byte
of a word gets its answer as *marks*: the top bit of each byte that meets it, which are right up to the
first one that is set, and may be wrong behind it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numpy as np
import numpy.typing as npt
from numba import types
from numba.core.cgutils import false_bit
from numba.extending import intrinsic

from asof.storage.compiled import inlined

Bytes = npt.NDArray[np.uint8]
Words = npt.NDArray[np.uint64]
Word = np.uint64

SIZE = 8
"""Bytes of a word."""
PADDING = bytes(SIZE)
"""What must follow the last byte that a loop looks at."""

_EACH = 0x0101010101010101
_TOPS, _ONES = Word(0x80 * _EACH), Word(_EACH)
_ZEROS = Word(ord("0") * _EACH)
_ABOVE_NINE = Word((0x80 - 10) * _EACH)


def every(byte: int) -> Word:
    """The word whose bytes are all this one."""
    return Word(byte * _EACH)


def _load(typing: Any, text: Any, at: Any) -> Any:
    def code(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, given[0])
        place = context.cast(builder, given[1], signature.args[1], types.intp)
        word = context.get_value_type(types.uint64).as_pointer()
        return builder.load(builder.bitcast(builder.gep(array.data, [place]), word), align=1)

    return types.uint64(text, at), code


def _count_trailing_zeros(typing: Any, word: Any) -> Any:
    def code(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        return builder.cttz(given[0], false_bit)

    return types.int64(types.uint64), code


word_at = cast(Callable[[Bytes, int], Word], intrinsic(_load))
"""The eight bytes from a place on; that they are there is not checked."""
_trailing_zeros = cast(Callable[[Word], int], intrinsic(_count_trailing_zeros))


@inlined
def first(marks: Word) -> int:
    """The first byte that is marked, `SIZE` where none is."""
    return _trailing_zeros(marks) >> 3


@inlined
def equal(word: Word, same: Word) -> Word:
    """Marks of the bytes that are as in another word."""
    apart = word ^ same
    return (apart - _ONES) & ~apart & _TOPS


@inlined
def below(word: Word, bound: Word) -> Word:
    """Marks of the bytes that are less than those of another word, which are ASCII."""
    return (word - bound) & ~word & _TOPS


@inlined
def no_digits(word: Word) -> Word:
    """Marks of the bytes that are no digits."""
    values = word ^ _ZEROS
    return ((values + _ABOVE_NINE) | values) & _TOPS
