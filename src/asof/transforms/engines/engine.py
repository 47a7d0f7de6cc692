"""What an engine is: it runs a kernel on tasks that don't depend on each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, Self, TypeVar

from asof.errors import DefinitionError, choices

T = TypeVar("T")
R = TypeVar("R")

ENGINES = ("local", "dask", "spark")


class Engine(Protocol):
    """Runs kernels, here or elsewhere. A context manager: leaving it lets go of what was started.

    A kernel is a function of a module, a task a plain value; both are sent to where they run. A kernel
    reads tables at fixed versions and writes files that count only once the caller commits them,
    so that a task may be run again or twice.
    """

    name: str

    def map(self, kernel: Callable[[T], R], tasks: Sequence[T]) -> Iterator[R]:
        """The result of each task, in the order of the tasks; an error ends it."""
        ...

    def close(self) -> None:
        """Let go of what was started."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *raised: object) -> None: ...


def open_engine(name: str, scheduler: str = "") -> Engine:
    """The engine of that name: "local", "dask" or "spark".

    `scheduler` is the address of a Dask scheduler, or a Spark master ("local[*]", "k8s://...") or
    Spark Connect server ("sc://..."); without one, a cluster is started on this machine. MissingExtra
    where the packages aren't installed.
    """
    match name:
        case "local":
            from asof.transforms.engines.local import LocalEngine

            return LocalEngine()
        case "dask":
            from asof.transforms.engines.dask import DaskEngine

            return DaskEngine(scheduler or None)
        case "spark":
            from asof.transforms.engines.spark import SparkEngine

            remote = scheduler.startswith("sc://")
            return SparkEngine(remote=scheduler) if remote else SparkEngine(scheduler or None)
    raise DefinitionError(f"engine {name!r}: {choices(name, ENGINES)}")
