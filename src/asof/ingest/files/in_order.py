"""Work on several threads, whose results come in the order of the tasks."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import pyarrow as pa

from asof.errors import AsofError

T = TypeVar("T")
R = TypeVar("R")


def in_order(tasks: Iterator[T], work: Callable[[T], R]) -> Iterator[R]:
    """The results of `work`, which has begun on one task more than there are threads when one is asked for.

    Where `tasks` raises an error for people, the results of the tasks before it come first.
    """
    threads = pa.cpu_count()
    with ThreadPoolExecutor(threads, thread_name_prefix="asof-ingest") as pool:
        begun: deque[Future[R]] = deque()
        for future in _begun(tasks, work, pool):
            begun.append(future)
            if len(begun) > threads:
                yield begun.popleft().result()
        while begun:
            yield begun.popleft().result()


def _begun(tasks: Iterator[T], work: Callable[[T], R], pool: ThreadPoolExecutor) -> Iterator[Future[R]]:
    try:
        for task in tasks:
            yield pool.submit(work, task)
    except AsofError as error:
        failed: Future[R] = Future()
        failed.set_exception(error)
        yield failed
