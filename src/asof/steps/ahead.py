"""Work that is a step ahead: the next item is made while the last one is worked on."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def ahead(items: Iterator[T]) -> Iterator[T]:
    """The items in their order; one thread makes them all, and lets go of them when no more are wanted."""
    with ThreadPoolExecutor(1, thread_name_prefix="asof-ahead") as thread:
        try:
            following = thread.submit(_next, items)
            while made := following.result():
                following = thread.submit(_next, items)
                yield made[0]
        finally:
            thread.submit(getattr(items, "close", _nothing))


def _next(items: Iterator[T]) -> tuple[T] | None:
    return next(((item,) for item in items), None)


def _nothing() -> None: ...
