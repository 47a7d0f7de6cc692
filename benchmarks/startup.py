"""How long a start takes: bare Python, `import asof`, `asof --help`.

Each is a process of its own, started in turn; figures are medians in seconds, and as a ratio to
bare Python on the same machine.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

COMMANDS = {
    "python": [sys.executable, "-c", "pass"],
    "import asof": [sys.executable, "-c", "import asof"],
    "asof --help": [str(Path(sys.executable).with_name("asof")), "--help"],
}


def seconds(command: Sequence[str]) -> float:
    """Wall time of one run of a command."""
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def medians(runs: int) -> dict[str, float]:
    """The median wall time of each command, the commands taking turns."""
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for run in range(runs + 1):
        for name, command in COMMANDS.items():
            taken = seconds(command)
            if run:  # the first round fills the caches
                times[name].append(taken)
    return {name: statistics.median(taken) for name, taken in times.items()}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=15)
    figures = medians(parser.parse_args().runs)
    for name, taken in figures.items():
        print(f"{name:<12} {taken:6.3f} s  {taken / figures['python']:5.1f} x")


if __name__ == "__main__":
    main()
