"""Tasks in the order that they need each other, those that don't side by side."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Event, Thread
from typing import Generic, TypeVar

R = TypeVar("R")
GRACE = 10.0
"""Seconds that tasks have to end in once they are told to stop."""


@dataclass(frozen=True)
class Task(Generic[R]):
    """What is to be done, and the names of what must have been done before, where that is done at all."""

    name: str
    needs: frozenset[str]
    work: Callable[[], R]


def side_by_side(tasks: Sequence[Task[R]], at_once: int, stop: Event, on_result: Callable[[R], None]) -> None:
    """Do tasks, at most so many at once, each in a thread; `on_result` takes the result of each as it ends.

    Of those that can begin the first does. Once one fails no other begins, and when those at work have
    ended the first error is raised. Where it is `on_result` that raises, or this is interrupted, `stop` is
    set for those at work to see.
    """
    schedule = _Schedule(tasks, at_once)
    try:
        for result in schedule.results():
            on_result(result)
    except BaseException:
        stop.set()
        schedule.wait(GRACE)
        raise


class _Schedule(Generic[R]):
    """Which tasks wait, and which are at work."""

    def __init__(self, tasks: Sequence[Task[R]], at_once: int) -> None:
        self._waiting = {task.name: task for task in tasks}
        self._at_work: dict[str, Thread] = {}
        self._ended: SimpleQueue[tuple[str, Future[R]]] = SimpleQueue()
        self._at_once = at_once

    def results(self) -> Iterator[R]:
        errors: list[BaseException] = []
        while self._begin() or self._at_work:
            name, outcome = self._ended.get()
            self._at_work.pop(name)
            error = outcome.exception()
            if error is None:
                yield outcome.result()
            else:
                errors.append(error)
                self._waiting.clear()
        if errors:
            raise errors[0]

    def wait(self, seconds: float) -> None:
        """Until those at work have ended, so long at most."""
        until = time.monotonic() + seconds
        for thread in self._at_work.values():
            thread.join(max(0.0, until - time.monotonic()))

    def _begin(self) -> bool:
        """Have as many tasks begin as may; whether any did."""
        undone = self._waiting.keys() | self._at_work.keys()
        able = [task for task in self._waiting.values() if not task.needs & undone]
        beginning = able[: self._at_once - len(self._at_work)]
        for task in beginning:
            del self._waiting[task.name]
            # A daemon, so that an interrupted process does not wait for a database that does not answer.
            thread = Thread(target=self._do, args=[task], name=f"asof-{task.name}", daemon=True)
            self._at_work[task.name] = thread
            thread.start()
        return bool(beginning)

    def _do(self, task: Task[R]) -> None:
        outcome: Future[R] = Future()
        try:
            outcome.set_result(task.work())
        except BaseException as error:
            outcome.set_exception(error)
        self._ended.put((task.name, outcome))
