"""Values as text from which each can be read again exactly."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

_ENCODER = msgspec.json.Encoder()


def as_text(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """The values as text: numbers in plain notation, times in ISO 8601, lists and structs as JSON.

    Bytes are text where they are UTF-8, else base64.

    >>> as_text(pa.chunked_array([[1.0, 2.5, None]])).to_pylist()
    ['1.0', '2.5', None]
    """
    if pt.is_dictionary(values.type):
        return as_text(values.cast(values.type.value_type))
    if pt.is_nested(values.type):
        return _each(values, lambda value: _ENCODER.encode(value).decode())
    if pt.is_binary(values.type) or pt.is_large_binary(values.type) or pt.is_fixed_size_binary(values.type):
        return _decoded(values)
    if pt.is_floating(values.type):
        return _floats(values)
    return values.cast(pa.string())


def _floats(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Floats that always show that they are ones."""
    text = pc.if_else(pc.is_nan(values), pa.scalar(None, pa.string()), values.cast(pa.string()))
    whole = pc.match_substring_regex(text, r"^-?\d+$")
    return pc.if_else(whole, pc.binary_join_element_wise(text, ".0", ""), text)


def _decoded(values: pa.ChunkedArray) -> pa.ChunkedArray:
    try:
        return values.cast(pa.binary()).cast(pa.string())
    except pa.ArrowInvalid:
        return _each(values, _utf8_or_base64)


def _utf8_or_base64(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return base64.b64encode(value).decode()


def _each(values: pa.ChunkedArray, write: Callable[[Any], str]) -> pa.ChunkedArray:
    texts = [None if value is None else write(value) for value in values.to_pylist()]
    return pa.chunked_array([pa.array(texts, pa.string())])
