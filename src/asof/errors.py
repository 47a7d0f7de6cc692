"""Every error that Asof raises on purpose.

    AsofError
    ├── DefinitionError   a definition, setting or argument is wrong        (ValueError)
    ├── DataError         data that can't be taken as it is                 (ValueError)
    ├── NotFound          a name, version or key that isn't there           (LookupError)
    ├── Conflict          somebody else's change came first                 (RuntimeError)
    └── MissingExtra      a package that this needs isn't installed         (ImportError)

A message is one or two lines: what was given, what is allowed, what to do next.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class AsofError(Exception):
    """Base of all errors that Asof raises on purpose; its text is meant for a person."""


class DefinitionError(AsofError, ValueError):
    """A definition, a setting or an argument is wrong."""


class DataError(AsofError, ValueError):
    """Data that can't be taken as it is."""


class NotFound(AsofError, LookupError):
    """A name, version or key that isn't there."""


class Conflict(AsofError, RuntimeError):
    """Somebody else's change came first."""


class MissingExtra(AsofError, ImportError):
    """A package that this needs isn't installed; the message names the extra."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs the extra {extra!r}: pip install 'asof[{extra}]'")


def choices(given: str, allowed: Iterable[str]) -> str:
    """What is allowed, with the nearest match to what was given.

    >>> choices("amuont", ["amount", "country"])
    "did you mean 'amount'? Allowed: amount, country"
    >>> choices("x", [])
    'there are none'
    """
    names = sorted(allowed)
    if not names:
        return "there are none"
    listed = ", ".join(names[:20]) + (", ..." if len(names) > 20 else "")
    near = difflib.get_close_matches(given, names, n=1)
    return f"did you mean {near[0]!r}? Allowed: {listed}" if near else f"allowed: {listed}"
