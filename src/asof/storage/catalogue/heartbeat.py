"""Whether a run is still at work: it says so every few seconds, and its process can be looked for."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from asof.storage.catalogue.records import Run

EVERY = timedelta(seconds=10)
LOST_AFTER = timedelta(seconds=60)
"""After so long without a word a run counts as lost, on whatever host it was."""

_at_work: set[str] = set()  # the runs of this process


@contextmanager
def beating(run: str, see: Callable[[str], None]) -> Iterator[None]:
    """Call `see` with the run again and again until left; that it fails once does not matter."""
    over = threading.Event()
    thread = threading.Thread(target=_beat, args=(run, see, over), name=f"asof-{run}", daemon=True)
    _at_work.add(run)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        _at_work.discard(run)


def is_alive(run: Run) -> bool:
    """Whether a run has been heard of lately, and where it was started here its process is there."""
    if run.seen_at is None or datetime.now(UTC) - run.seen_at > LOST_AFTER:
        return False
    if run.host != socket.gethostname():
        return True
    return run.id in _at_work if run.process == os.getpid() else _is_there(run.process)


def _beat(run: str, see: Callable[[str], None], over: threading.Event) -> None:
    while not over.wait(EVERY.total_seconds()):
        try:
            see(run)
        except Exception:
            continue  # the run itself finds out, and reports it


def _is_there(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
