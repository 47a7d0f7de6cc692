"""Rejected rows, as a cursor remembers them: by a hash of their raw content."""

from __future__ import annotations

import hashlib

import pyarrow as pa

from asof.storage.quarantine import json_rows

REMEMBERED = 100_000
"""How many rows that may be met again are remembered at most."""


def raw_digests(values: pa.Table) -> list[str]:
    """The hash of each row as it would stand in quarantine."""
    return [raw_digest(raw) for raw in json_rows(values)]


def raw_digest(raw: str) -> str:
    """The hash of a row's raw content: 24 hexadecimal digits."""
    return hashlib.blake2b(raw.encode(), digest_size=12).hexdigest()
