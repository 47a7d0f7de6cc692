"""A project on a Spark cluster, one of whose executors is disturbed.

python executors.py FOLDER MASTER HOW: HOW is "killed" or "slow".
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from tests.engines.disturbed import Disturbed, live

from asof.transforms.engines.spark import SparkEngine

LONGEST = 120


def killed(folder: str, kernel: Callable[[Any], Any], task: Any) -> Any:
    """What the kernel returns; the executor of the first worker that has it is killed with all it runs."""
    result = kernel(task)
    if _is_first(folder):
        os.kill(_parent(os.getppid()), signal.SIGKILL)
        time.sleep(LONGEST)
    return result


def slow(folder: str, kernel: Callable[[Any], Any], task: Any) -> Any:
    """What the kernel returns; the first worker that has bucket 1 keeps it for two minutes, then says so."""
    result = kernel(task)
    if task == 1 and _is_first(folder):
        time.sleep(LONGEST)
        Path(folder, "late").touch()
    return result


def _is_first(folder: str) -> bool:
    try:
        Path(folder, "disturbed").touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def _parent(process: int) -> int:
    """The parent of a process: Java's, of the one that forks Python's workers."""
    return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])


def main(folder: str, master: str, how: str) -> None:
    inside = partial({"killed": killed, "slow": slow}[how], str(Path(folder).parent))
    with SparkEngine(master) as engine:
        live(Path(folder), Disturbed(engine, inside))


if __name__ == "__main__":
    main(*sys.argv[1:])
