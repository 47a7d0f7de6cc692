"""Options of a reader that its connector hands on to the library that reads."""

from __future__ import annotations

from collections.abc import Mapping

from asof.errors import DefinitionError
from asof.features.definition import check_type

Options = tuple[tuple[str, str], ...]
"""Names with values, sorted by name; values may hold `${NAME}`, and so keep secrets out of definitions."""


def check_options(owner: str, given: object) -> Options:
    """A mapping of text to text as `Options`.

    >>> check_options("Files('x.csv')", {"key": "${S3_KEY}", "anon": "false"})
    (('anon', 'false'), ('key', '${S3_KEY}'))
    """
    check_type(owner, "options", given, Mapping)  # type: ignore[type-abstract]
    assert isinstance(given, Mapping)
    for name, value in given.items():
        if not isinstance(name, str) or not isinstance(value, str):
            raise DefinitionError(f"{owner}: options are texts by name, got {name!r}: {value!r}")
    return tuple(sorted(given.items()))
