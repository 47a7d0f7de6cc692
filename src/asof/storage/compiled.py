"""Loops over arrays as machine code.

They are compiled at their first call and kept on disk: beside the package, or where that can't be
written to in the user's cache folder; the environment's NUMBA_CACHE_DIR names another. They run
without Python's lock, so that threads run them side by side, and with the arithmetic of IEEE 754:
the same bits on every machine.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import ParamSpec, TypeVar, cast

import numba

_Given = ParamSpec("_Given")
_Answer = TypeVar("_Answer")

_compile = partial(numba.njit, nogil=True, fastmath=False, error_model="numpy")


def compiled(loop: Callable[_Given, _Answer]) -> Callable[_Given, _Answer]:
    """The function, to be compiled for the types of its first arguments."""
    return _kept(loop)


def inlined(part: Callable[_Given, _Answer]) -> Callable[_Given, _Answer]:
    """A part of compiled loops that makes no arrays: it costs no more than if it stood in them.

    References to the arrays that it is given are not counted.
    """
    return _kept(part, _nrt=False, forceinline=True)


def _kept(loop: Callable[_Given, _Answer], **options: bool) -> Callable[_Given, _Answer]:
    try:
        machine_code = _compile(cache=True, **options)(loop)
    except RuntimeError:  # no folder can be written to; each process compiles for itself
        machine_code = _compile(**options)(loop)
    return cast(Callable[_Given, _Answer], machine_code)
