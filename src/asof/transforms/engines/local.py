"""The local engine: the cores of this machine."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from threading import BoundedSemaphore
from typing import Self, TypeVar

T = TypeVar("T")
R = TypeVar("R")


class LocalEngine:
    """Runs kernels in threads, one for each core, whoever of several threads asks for them."""

    name = "local"

    def __init__(self) -> None:
        self._threads = os.cpu_count() or 1
        self._cores = BoundedSemaphore(self._threads)

    def map(self, kernel: Callable[[T], R], tasks: Sequence[T]) -> Iterator[R]:
        """The result of each task, in the order of the tasks; an error ends it."""

        def run(task: T) -> R:
            with self._cores:
                return kernel(task)

        if len(tasks) <= 1:
            yield from map(run, tasks)
            return
        waiting = iter(tasks)
        with ThreadPoolExecutor(self._threads) as pool:
            running = [pool.submit(run, task) for task in islice(waiting, self._threads)]
            while running:
                yield running.pop(0).result()
                running += [pool.submit(run, task) for task in islice(waiting, 1)]

    def close(self) -> None:
        """Nothing is kept."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()
