import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from asof.serving.instants import from_text, to_text


@given(st.integers(-(1 << 63), (1 << 63) - 1))
@example(0)
@example(-1)
def test_text_and_back(moment):
    text = to_text(moment)
    assert text.endswith("Z")
    assert from_text(text) == moment


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("1970-01-01T00:00:01Z", 1_000_000_000),
        ("1970-01-01T00:00:00.5Z", 500_000_000),
        ("1970-01-01T02:00:00+02:00", 0),
    ],
)
def test_offsets_and_decimals(text, moment):
    assert from_text(text) == moment


@pytest.mark.parametrize(
    "text",
    ["", "1970-01-01", "1970-01-01T00:00:00", "1970-13-01T00:00:00Z", "1970-01-01T00:00:00.1234567890Z"],
)
def test_other_texts_are_refused(text):
    with pytest.raises(ValueError):
        from_text(text)
