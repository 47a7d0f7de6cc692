"""Calls measured in a process of their own: how long they take, and the most memory they need."""

from __future__ import annotations

import multiprocessing
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RUNS = 3


@dataclass(frozen=True)
class Measured:
    """Wall times of one call after another, their processor times, and the process's peak memory.

    Seconds and bytes. Processor times, of all threads together, are what other work on the machine
    disturbs least.
    """

    seconds: list[float]
    processor: list[float]
    peak: int

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    @property
    def median_processor(self) -> float:
        return statistics.median(self.processor)

    @property
    def first(self) -> float:
        return self.seconds[0]


def measured(call: Callable[..., object], *arguments: Any, runs: int = RUNS) -> Measured:
    """Calls in a fresh process; what they return does not count."""
    return in_child(_measure, call, arguments, runs)


def in_child(call: Callable[..., Any], *arguments: Any) -> Any:
    """What a call returns in a fresh process, so that none of its memory stays."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(call, *arguments).result()


def timed(call: Callable[..., Any], *arguments: Any, runs: int) -> tuple[Measured, Any]:
    """Calls in this process, and what the last of them returned."""
    seconds, processor = [], []
    for _ in range(runs):
        start, started = time.perf_counter(), time.process_time()
        answer = call(*arguments)
        seconds.append(time.perf_counter() - start)
        processor.append(time.process_time() - started)
    return Measured(seconds, processor, peak()), answer


def _measure(call: Callable[..., object], arguments: tuple[Any, ...], runs: int) -> Measured:
    return timed(call, *arguments, runs=runs)[0]


def peak() -> int:
    """The most memory that this process had; in Linux's own words, since children inherit rusage's."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM"))
