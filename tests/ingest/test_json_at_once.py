"""Lines read at once, beside the same lines decoded one by one."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asof.features import types
from asof.features.readers import Files
from asof.features.source import Source
from asof.features.types import DType
from asof.ingest.files.json_lines import read
from asof.ingest.records.parsed import Parsed

SCHEMA: dict[str, DType | str] = {
    "a": types.Int64,
    "order_id": types.Int32,
    "customer_name": types.String,
    "a_key_of_more_than_16_bytes": types.Decimal(12, 2),
    "é": types.Float64,
    "at": types.Timestamp,
    "is": types.Bool,
}
NO_VALUE = "777777777777777777777"
"""A number that means null, for the sake of which each object is decoded on its own."""


def parse(data: bytes, *nulls: str) -> Parsed:
    reader = Files("orders.jsonl", nulls=["", *nulls])
    return read(data, Source("orders", reader=reader, schema=SCHEMA, known_since="2020-01-01"))


def told(parsed: Parsed) -> tuple[object, object, object]:
    return parsed.rows.schema, parsed.rows.to_pylist(), list(parsed.rejections)


NUMBERS = st.one_of(
    st.integers(-(2**70), 2**70).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.decimals(-(10**6), 10**6, places=2).map(str),
    st.from_regex(r"\A-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,9})?([eE][+-]?[0-9]{1,3})?\Z"),
    st.sampled_from(["-0", "01", "1.", ".5", "-", "+1", "1e", "1e5", "0.0000001", "-0.0", "1e99999", "NaN"]),
)
TEXTS = st.one_of(
    st.text(max_size=20).map(json.dumps),
    st.text(max_size=20).map(lambda text: json.dumps(text, ensure_ascii=False)),
    st.sampled_from(["2024-02-29T23:59:59", "2024-01-01 00:00:00Z", "true", "12", ""]).map(json.dumps),
    st.sampled_from([r'"\ud83d\ude00"', r'"\ud83d"', r'"\ude00"', r'"\ud83dx"', r'"\u00E9\/"', r'"\u12G4"']),
    st.sampled_from([r'"\x"', r'"\n\\"', '"\t"', '"', r'"\"', '"\x7f"', r'"\u0000"', r'"a\nb\q"']),
)
SPACES = st.sampled_from(["", "", "", " ", "\t", "  "])
SCALARS = st.one_of(NUMBERS, TEXTS, st.sampled_from(["null", "true", "false", "nul", "tru", "True"]))
KEYS = st.one_of(
    st.sampled_from([*SCHEMA, "order_i", "order_id2", "b", "", "a\\u0062"]).map('"{}"'.format),
    st.sampled_from([r'"\u0061"', '"a', "a", '"order_id\\"']),
)


@st.composite
def members(draw: st.DrawFn, values: st.SearchStrategy[str]) -> str:
    key, value = draw(KEYS), draw(values)
    return draw(SPACES) + key + draw(SPACES) + ":" + draw(SPACES) + value + draw(SPACES)


def objects(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.lists(members(values), max_size=5).map(lambda found: "{" + ",".join(found) + "}")


def lists(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.lists(values, max_size=3).map(lambda found: "[" + ", ".join(found) + "]")


VALUES = st.recursive(SCALARS, lambda inner: objects(inner) | lists(inner), max_leaves=6)


@st.composite
def mangled(draw: st.DrawFn, lines: st.SearchStrategy[str]) -> bytes:
    """A line, of which sometimes a byte is gone or is another."""
    line = draw(lines).encode()
    if not line or draw(st.integers(0, 3)):
        return line
    at = draw(st.integers(0, len(line) - 1))
    other = st.sampled_from([b"", b"{", b"]", b",", b'"', b"\\", b" ", b"\xff", b"7"])
    return line[:at] + draw(other) + line[at + 1 :]


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=4,
)
SOUND = st.dictionaries(st.sampled_from([*SCHEMA, "b", "order"]), JSON, max_size=5)
WRITTEN = st.one_of(
    SOUND.map(json.dumps),
    SOUND.map(lambda found: json.dumps(found, ensure_ascii=False, separators=(",", ":"))),
)
LINES = WRITTEN.map(str.encode) | mangled(WRITTEN | objects(VALUES) | objects(SCALARS) | VALUES | st.just(""))


PLACES = [
    rb'{"customer_name": "a\nb\q", "a": 1}',
    rb'{"customer_name": "\ud83d\ude00\u00e9\u20ac\/", "a": 1}',
    rb'{"customer_name": "\ud83d\u00e9", "a": 1}',
    b'{"customer_name": "\xff", "a": 1}',
    b'{"customer_name": "\t", "a": 1}',
    rb'{"b": {"c": "a\nb\q"}, "a": 1}',
    b'{"b": [1e5, 1E-7, -0, 12345678901234567890.5, {}, []], "a": 1}',
    b'{"b": 1e, "a": 1}',
    b'{"b": 01, "a": 1}',
    b'{"b": [1 2], "a": 1}',
    b'{"b": [1, ], "a": 1}',
    b'{"b": {"c": 1 "d": 2}, "a": 1}',
    b'{"b": [[1}], "a": 1}',
    b'{"b": ' + b"[" * 70 + b"]" * 70 + b', "a": 1}',
]
"""Lines where one may go wrong, each of which is also read among others."""


@pytest.mark.parametrize("line", PLACES)
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_places_where_one_may_go_wrong(line: bytes, end: bytes) -> None:
    data = end.join([b'{"a": 0}', line, b'{"a": 2}'])
    assert told(parse(data)) == told(parse(data, NO_VALUE))


@given(lines=st.lists(LINES, max_size=6), end=st.sampled_from([b"\n", b"\r\n", b"\r"]), ended=st.booleans())
def test_both_give_the_same(lines: list[bytes], end: bytes, ended: bool) -> None:
    data = end.join(lines) + (end if ended else b"")
    assert told(parse(data)) == told(parse(data, NO_VALUE))


@pytest.mark.parametrize("value", ["[" * 100_000, '{"a":' * 100_000, "1e9999999999999999999999"])
def test_what_no_decoder_takes_is_rejected(value: str) -> None:
    parsed = parse(b'{"a": 1}\n{"b": ' + value.encode() + b'}\n{"a": 2}')
    assert parsed.rows["a"].to_pylist() == [1, 2]
    assert [each.line for each in parsed.rejections] == [2]
