"""Small kernels with known answers. They are here, in the package, so that any worker can import them."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import TypeVar

import pyarrow as pa

from asof.errors import DataError, MissingExtra

T = TypeVar("T")
R = TypeVar("R")


def double(number: int) -> int:
    """Twice the number."""
    return 2 * number


def slow_when_early(number: int) -> int:
    """The number; the earlier it is, the later it comes."""
    time.sleep(max(0, 5 - number) / 50)
    return number


def squares(count: int) -> pa.Table:
    """An Arrow table with a row for each number up to `count`."""
    return pa.table({"number": range(count), "square": [number**2 for number in range(count)]})


def refuse(number: int) -> int:
    """The number, but for 3: the data is not as it should be."""
    if number == 3:
        raise DataError(f"number {number} is refused; give another")
    return number


def stumble(number: int) -> int:
    """The number, but for 3: a mistake in the kernel."""
    return number if number != 3 else {"three": 3}[str(number)]


def miss_a_package(number: int) -> int:
    """An error whose constructor takes more than a text."""
    raise MissingExtra(f"number {number}", "spark")


class Unsendable(Exception):
    """An exception that does not survive being sent."""

    def __init__(self, number: int, *, lock: object) -> None:
        super().__init__(f"number {number}")
        self.lock = lock


def raise_what_cannot_be_sent(number: int) -> int:
    """An error that must arrive by its type's name and text."""
    raise Unsendable(number, lock=Lock())


def leave_a_mark(folder: str, number: int) -> int:
    """The number, after a file of that name was made."""
    Path(folder, str(number)).touch()
    return number


def die_once(folder: str, number: int) -> int:
    """The number; the first worker that is given 3 is killed."""
    mark = Path(folder, "died")
    if number == 3 and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def die_before_the_answer(folder: str, kernel: Callable[[T], R], task: T) -> R:
    """What the kernel returns; the first worker that has it is killed with it."""
    result = kernel(task)
    mark = Path(folder, "died")
    if not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return result


def twice(kernel: Callable[[T], R], task: T) -> R:
    """What the kernel returns when it is run again, as a speculative or retried task is."""
    kernel(task)
    return kernel(task)


def die_always(number: int) -> int:
    """Nothing: every worker that is given 3 is killed."""
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return number
