"""Secrets stay out of definitions: an address names them, and the environment has them."""

from __future__ import annotations

import os
import re
from collections.abc import Callable

from asof.errors import NotFound

_PLACE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


def filled(text: str, owner: str, written: Callable[[str], str] = str) -> str:
    """The text with the environment's value for each `${NAME}`; NotFound names one that isn't set.

    `written` says how a value stands in the text.
    """

    def value(place: re.Match[str]) -> str:
        if place[1] not in os.environ:
            raise NotFound(f"{owner}: the environment has no {place[1]}; set it before you run")
        return written(os.environ[place[1]])

    return _PLACE.sub(value, text)
