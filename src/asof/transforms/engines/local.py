"""The local engine: the cores of this machine."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Self, TypeVar

T = TypeVar("T")
R = TypeVar("R")


class LocalEngine:
    """Runs kernels in threads, one for each core; no more tasks are under way than threads."""

    name = "local"

    def __init__(self) -> None:
        self._threads = os.cpu_count() or 1

    def map(self, kernel: Callable[[T], R], tasks: Sequence[T]) -> Iterator[R]:
        """The result of each task, in the order of the tasks; an error ends it."""
        if len(tasks) <= 1:
            yield from map(kernel, tasks)
            return
        waiting = iter(tasks)
        with ThreadPoolExecutor(self._threads) as pool:
            running = [pool.submit(kernel, task) for task in islice(waiting, self._threads)]
            while running:
                yield running.pop(0).result()
                running += [pool.submit(kernel, task) for task in islice(waiting, 1)]

    def close(self) -> None:
        """Nothing is kept."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()
