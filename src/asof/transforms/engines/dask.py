"""The engine on Dask: a scheduler somewhere, or a cluster of processes on this machine."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from importlib.util import find_spec
from itertools import islice
from typing import TYPE_CHECKING, Any, Self, TypeVar

from asof.errors import AsofError, DefinitionError, MissingExtra, NotFound
from asof.storage.once import once
from asof.transforms.engines.transport import Parcel, parcel, received, work

if TYPE_CHECKING:
    from distributed import Client, Future

T = TypeVar("T")
R = TypeVar("R")

RETRIES = 2
UNDER_WAY_PER_THREAD = 4
UNDER_WAY_AT_LEAST = 32


class DaskEngine:
    """Runs kernels on the workers of the scheduler at `address` ("tcp://host:8786").

    Without an address, it starts one worker process for each core of this machine, when it is first
    used; a script that does so needs `if __name__ == "__main__":`. A lost worker's tasks go to another.
    """

    name = "dask"

    def __init__(self, address: str | None = None) -> None:
        if find_spec("distributed") is None:
            raise MissingExtra("the engine 'dask'", "dask")
        self.address = address
        self._started = ExitStack()

    def map(self, kernel: Callable[[T], R], tasks: Sequence[T]) -> Iterator[R]:
        """The result of each task, in the order of the tasks; an error ends it.

        Kernel and tasks are pickled for the workers; a bounded number is under way at a time.
        """
        if not tasks:
            return
        client, function, waiting = self._client, parcel(kernel), iter(tasks)
        running: deque[Future[bytes]] = deque()
        try:
            running.extend(_submit(client, function, task) for task in islice(waiting, _under_way(client)))
            for number in range(1, len(tasks) + 1):
                answer = _answer(running[0], number, len(tasks))
                running.popleft()
                running.extend(_submit(client, function, task) for task in islice(waiting, 1))
                yield received(answer, f"task {number} of {len(tasks)}")
        finally:
            client.cancel(list(running))

    def close(self) -> None:
        """Leave the scheduler; stop the processes that were started."""
        self._started.close()
        self.__dict__.pop("_client", None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    @once
    def _client(self) -> Client:
        return self._started.enter_context(_connect(self.address or self._cluster()))

    def _cluster(self) -> Any:
        from dask.system import CPU_COUNT
        from distributed import LocalCluster

        return self._started.enter_context(
            LocalCluster(
                n_workers=CPU_COUNT,
                threads_per_worker=1,
                dashboard_address="127.0.0.1:0",
                scheduler_kwargs={"dashboard": False},
                silence_logs=logging.CRITICAL,
            )
        )


def _connect(where: Any) -> Client:
    from distributed import Client

    try:
        return Client(where, set_as_default=False)
    except OSError as error:
        raise NotFound(
            f"no Dask scheduler answers at {where}; start one there with: dask scheduler"
        ) from error
    except ValueError as error:
        raise DefinitionError(f"scheduler {where!r}: an address like tcp://host:8786 ({error})") from error


def _under_way(client: Client) -> int:
    return max(UNDER_WAY_AT_LEAST, UNDER_WAY_PER_THREAD * sum(client.nthreads().values()))


def _submit(client: Client, kernel: Parcel, task: object) -> Future[bytes]:
    return client.submit(work, kernel, parcel(task), pure=False, retries=RETRIES)


def _answer(future: Future[bytes], number: int, count: int) -> bytes:
    from concurrent.futures import CancelledError

    from distributed import KilledWorker

    try:
        answer: bytes = future.result()
        return answer
    except KilledWorker as error:
        raise AsofError(
            f"the engine 'dask' lost every worker that ran task {number} of {count}: out of memory? "
            "Their logs say why"
        ) from error
    except CancelledError as error:
        raise AsofError(
            f"the engine 'dask' lost its scheduler in task {number} of {count}; nothing of it was kept"
        ) from error
