"""Answers about eight bytes at a time, beside a look at each byte."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asof.storage.byte_words import (
    PADDING,
    SIZE,
    Bytes,
    Word,
    below,
    equal,
    every,
    first,
    no_digits,
    word_at,
)
from asof.storage.compiled import compiled

TEXTS = st.binary(max_size=12) | st.text("0123456789/:", max_size=12).map(str.encode)


@compiled
def firsts(text: Bytes, at: int, same: Word, bound: Word) -> tuple[int, int, int]:
    word = word_at(text, at)
    return first(equal(word, same)), first(below(word, bound)), first(no_digits(word))


def place(found: list[bool]) -> int:
    return found.index(True) if True in found else SIZE


@given(text=TEXTS, at=st.integers(0, 12), same=st.integers(0, 255), bound=st.integers(0, 127))
def test_the_first_byte_is_found(text: bytes, at: int, same: int, bound: int) -> None:
    padded = np.frombuffer(text + bytes(12) + PADDING, np.uint8)
    eight = padded[at : at + SIZE].tolist()
    expected = (
        place([byte == same for byte in eight]),
        place([byte < bound for byte in eight]),
        place([byte not in b"0123456789" for byte in eight]),
    )
    assert firsts(padded, at, every(same), every(bound)) == expected


@pytest.mark.parametrize("byte", range(256))
def test_a_word_of_one_byte(byte: int) -> None:
    assert int(every(byte)).to_bytes(SIZE, "little") == bytes([byte]) * SIZE
