"""What passes between a driver and its workers within one run: kernels, tasks, and answers.

Functions of a project's definitions can't be imported by workers, so they travel by value, as pickles.
These are made and read by the processes of one run and never stored: data is still never unpickled.
"""

from __future__ import annotations

import platform
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Generic, TypeVar

from asof.errors import AsofError, Conflict
from asof.version import __version__

R = TypeVar("R")

DEFINITIONS = "_asof_definitions_"
SOFTWARE = f"asof {__version__}, Python {'.'.join(platform.python_version_tuple()[:2])}"


@dataclass(frozen=True)
class Parcel:
    """A kernel or a task on its way to a worker."""

    content: bytes
    software: str = SOFTWARE


@dataclass(frozen=True)
class Result(Generic[R]):
    """What a kernel returned."""

    value: R


@dataclass(frozen=True)
class Failure:
    """What a kernel raised: an exception, by type and text where it doesn't survive the way."""

    kind: type[Exception]
    text: str
    exception: bytes | None
    trace: str


def parcel(value: object) -> Parcel:
    """`value` for workers; what it has of the project's definitions goes by value."""
    import cloudpickle

    for module in _definitions():
        cloudpickle.register_pickle_by_value(module)
    return Parcel(cloudpickle.dumps(value))


def work(kernel: Parcel, task: Parcel) -> bytes:
    """Run a kernel on a task, in a worker. An exception of the kernel is an answer like another."""
    import cloudpickle

    try:
        if kernel.software != SOFTWARE:
            raise Conflict(f"a worker has {SOFTWARE}, the driver {kernel.software}; give both the same")
        return cloudpickle.dumps(Result(_opened(kernel)(_opened(task))))
    except Exception as error:
        return cloudpickle.dumps(_failure(error))


def received(answer: bytes, task: str) -> Any:
    """What the kernel returned. What it raised is raised here, with a note of where that was."""
    import cloudpickle

    match cloudpickle.loads(answer):
        case Result(value):
            return value
        case Failure() as failure:
            error = _revived(failure)
            error.add_note(f"In {task}, on a worker:\n{failure.trace}")
            raise error


def _definitions() -> list[ModuleType]:
    return [
        module for name, module in sys.modules.items() if name.startswith(DEFINITIONS) and "." not in name
    ]


def _opened(given: Parcel) -> Any:
    import cloudpickle

    return cloudpickle.loads(given.content)


def _failure(error: Exception) -> Failure:
    trace = "".join(traceback.format_tb(error.__traceback__))
    if isinstance(error, AsofError):
        return Failure(type(error), str(error), None, trace)
    sent = _surviving(error)
    if sent is None:
        return Failure(RuntimeError, f"{type(error).__name__}: {error}", None, trace)
    return Failure(type(error), str(error), sent, trace)


def _surviving(error: Exception) -> bytes | None:
    """The exception as bytes from which it can be made again, if it can."""
    import cloudpickle

    loads: Callable[[bytes], object] = cloudpickle.loads
    try:
        sent: bytes = cloudpickle.dumps(error)
        same = str(loads(sent)) == str(error)
    except Exception:
        return None
    return sent if same else None


def _revived(failure: Failure) -> Exception:
    """The exception without a call of its constructor, which may take other arguments than a text."""
    import cloudpickle

    if failure.exception is not None:
        error: Exception = cloudpickle.loads(failure.exception)
        return error
    return failure.kind.__new__(failure.kind, failure.text)
