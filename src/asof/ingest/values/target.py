"""What a column is to become, and in which words a value that can't become it is refused."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.types as pt

from asof.storage.arrow_types import type_name

SHOWN = 60  # characters of a refused value


@dataclass(frozen=True)
class Target:
    """The type that a column is to have, the zone of times without one, the texts that mean null."""

    type: pa.DataType
    timezone: str = "UTC"
    nulls: tuple[str, ...] = ()


def refusal(shown: str, target: Target) -> str:
    """Why the value that is shown as it stood is not one of the target's type.

    >>> refusal("'abc'", Target(pa.int64()))
    "'abc' is not an int64"
    >>> refusal("1.255", Target(pa.decimal128(4, 2)))
    '1.255 does not fit exactly into a decimal(4,2)'
    """
    given = shown if len(shown) <= SHOWN else shown[: SHOWN - 3] + "..."
    text, name = shown.strip("'"), type_name(target.type)
    if pt.is_timestamp(target.type) and _reads_as(text, pa.timestamp(target.type.unit)):
        return f"{given} does not exist in {target.timezone}: clocks skip it"
    if pt.is_decimal(target.type) and _reads_as(text, pa.float64()):
        return f"{given} does not fit exactly into a {name}"
    if pt.is_integer(target.type) and text.lstrip("-").isdigit():
        return f"{given} is out of the range of {name}"
    return f"{given} is not {'an' if name[0] in 'aeiou' else 'a'} {name}"


def _reads_as(text: str, type: pa.DataType) -> bool:
    try:
        pa.scalar(text).cast(type)
    except pa.ArrowInvalid:
        return False
    return True
