"""The digest that tells a rewritten file."""

from __future__ import annotations

from hypothesis import assume, given
from hypothesis import strategies as st

from asof.ingest.files.digest import Digest


def digest(*parts: bytes) -> str:
    found = Digest()
    for part in parts:
        found.update(part)
    return found.hexdigest()


@given(parts=st.lists(st.binary(max_size=80), max_size=6))
def test_it_does_not_matter_how_bytes_are_cut(parts: list[bytes]) -> None:
    assert digest(*parts) == digest(b"".join(parts))


@given(one=st.binary(max_size=100), other=st.binary(max_size=100))
def test_other_bytes_have_another_digest(one: bytes, other: bytes) -> None:
    assume(one != other)
    assert digest(one) != digest(other)


@given(data=st.binary(min_size=1, max_size=200), place=st.integers(0, 199), more=st.integers(1, 255))
def test_one_changed_byte_changes_it(data: bytes, place: int, more: int) -> None:
    at = place % len(data)
    changed = data[:at] + bytes([(data[at] + more) % 256]) + data[at + 1 :]
    assert digest(changed) != digest(data)


@given(data=st.binary(max_size=64), zeros=st.integers(1, 64))
def test_zeros_at_the_end_count(data: bytes, zeros: int) -> None:
    assert digest(data + bytes(zeros)) != digest(data)
