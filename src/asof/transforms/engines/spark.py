"""The engine on Spark: a session, a master, or a Spark Connect server."""

from __future__ import annotations

import itertools
import math
import uuid
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from importlib.util import find_spec
from itertools import islice
from typing import Any, Self, TypeVar

import pyarrow as pa

from asof.errors import AsofError, DefinitionError, MissingExtra
from asof.storage.once import once
from asof.transforms.engines.spark_session import connected, reason, started
from asof.transforms.engines.transport import Parcel, parcel, received, work

T = TypeVar("T")
R = TypeVar("R")

ANSWERS = pa.schema([pa.field("task", pa.int64(), nullable=False), pa.field("answer", pa.binary())])
ANSWERS_IN_SPARK = "task bigint not null, answer binary"
# A partition costs Spark tens of milliseconds, so that several short tasks share one.
PARTITIONS_PER_CORE = 4
TASKS_PER_PARTITION = 8
JOBS_UNDER_WAY = 3


class SparkEngine:
    """Runs kernels in Spark's Python workers: in a session that is given, or in one of its own.

    `master` is Spark's ("local[*]", which is the default, "local-cluster[...]", "k8s://..."), `remote` the
    address of a Spark Connect server ("sc://host:15002"). A session of its own is started when it is first
    used; an active one is used instead where there is one. Executors need the driver's versions of
    Asof and Python. Spark runs the tasks of a lost executor again.
    """

    name = "spark"

    def __init__(
        self, master: str | None = None, remote: str | None = None, session: Any | None = None
    ) -> None:
        if find_spec("pyspark") is None or find_spec("cloudpickle") is None:
            raise MissingExtra("the engine 'spark'", "spark")
        if sum(given is not None for given in (master, remote, session)) > 1:
            raise DefinitionError("SparkEngine: give one of master, remote and session")
        self.master, self.remote = master, remote
        self._started = ExitStack()
        self._given = session

    def map(self, kernel: Callable[[T], R], tasks: Sequence[T]) -> Iterator[R]:
        """The result of each task, in the order of the tasks; an error ends it.

        Kernel and tasks are pickled for the workers; a bounded number of jobs is under way at a time.
        """
        if not tasks:
            return
        tag = f"asof-{uuid.uuid4().hex}"
        run = partial(_answers, self._session, tag, parcel(kernel))
        answers = _ahead(run, _jobs(tasks, self._cores), partial(self._session.interruptTag, tag))
        try:
            for number, answer in enumerate(answers, start=1):
                yield received(answer, f"task {number} of {len(tasks)}")
        finally:
            answers.close()

    def close(self) -> None:
        """Stop the session if it was started here."""
        self._started.close()
        self.__dict__.pop("_session", None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    @once
    def _session(self) -> Any:
        if self._given is not None:
            return self._given
        own = connected(self.remote) if self.remote else started(self.master)
        return self._started.enter_context(own)

    @once
    def _cores(self) -> int:
        """The number of tasks that Spark says it runs at once."""
        parts = self._session.range(4096).selectExpr("spark_partition_id() AS part").toArrow()
        return len(parts["part"].unique())


def _jobs(tasks: Sequence[T], cores: int) -> Iterator[list[Sequence[T]]]:
    """The tasks of each partition of each job."""
    partitions = PARTITIONS_PER_CORE * cores
    each = min(TASKS_PER_PARTITION, math.ceil(len(tasks) / partitions))
    parts = [tasks[start : start + each] for start in range(0, len(tasks), each)]
    for start in range(0, len(parts), partitions):
        yield parts[start : start + partitions]


def _ahead(
    run: Callable[[list[Sequence[T]]], list[bytes]],
    jobs: Iterator[list[Sequence[T]]],
    stop: Callable[[], object],
) -> Generator[bytes]:
    """The answers of all jobs, with a few under way at a time; `stop` ends these if it is left early."""
    with ThreadPoolExecutor(JOBS_UNDER_WAY) as pool:
        running: deque[Future[list[bytes]]] = deque(
            pool.submit(run, job) for job in islice(jobs, JOBS_UNDER_WAY)
        )
        try:
            while running:
                answers = running[0].result()
                running.popleft()
                running.extend(pool.submit(run, job) for job in islice(jobs, 1))
                yield from answers
        finally:
            if running:
                stop()


def _answers(session: Any, tag: str, kernel: Parcel, parts: Sequence[Sequence[object]]) -> list[bytes]:
    """The answers to the tasks of one job, in order."""
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    session.addTag(tag)
    numbers = itertools.count()
    shipped = [[(next(numbers), parcel(task)) for task in part] for part in parts]
    try:
        frame = session.range(0, len(parts), 1, len(parts))
        rows = frame.mapInArrow(_worker(kernel, shipped), ANSWERS_IN_SPARK).toArrow()
    except (PySparkException, Py4JError) as error:
        raise AsofError(f"Spark gave up: {reason(str(error))}") from error
    return rows.sort_by("task")["answer"].to_pylist()


def _worker(
    kernel: Parcel, parts: Sequence[Sequence[tuple[int, Parcel]]]
) -> Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """What Spark runs in each partition: its row is the place of the partition's tasks in `parts`."""

    def answers(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for part in batch.column(0).to_pylist():
                for number, task in parts[part]:
                    yield pa.record_batch([[number], [work(kernel, task)]], schema=ANSWERS)

    return answers
