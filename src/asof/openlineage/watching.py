"""Telling of a run as it goes on: what begins, what ends, and how."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from threading import Lock

from asof.features.graph import Definitions
from asof.openlineage.datasets import Datasets
from asof.openlineage.events import Events
from asof.openlineage.transport import Put, Send, sending, to_file, to_http
from asof.settings import Settings
from asof.storage.catalogue import Run, Step
from asof.storage.secrets import filled
from asof.workspace import Workspace

Watch = Callable[[Step], None]
"""Takes each step as it begins and as it ends."""

_ENDS = {"succeeded": "COMPLETE", "skipped": "COMPLETE", "failed": "FAIL"}


@contextmanager
def watched(
    workspace: Workspace,
    definitions: Definitions,
    run: Run,
    report: Callable[[str], None],
    *,
    job: str = "run",
) -> Iterator[Watch]:
    """What is to be given each step of a run of a `job`, to tell of it to whom the settings say, if they do.

    Where that fails, `report` gets one line; the run goes on.
    """
    address = workspace.settings.lineage
    if not address:
        yield lambda step: None
        return
    with sending(_sender(workspace.settings), lambda why: report(_unsent(why))) as put:
        watcher = _Watcher(Events(Datasets(workspace, definitions), run, job), put)
        try:
            yield watcher.step
        except BaseException as error:
            watcher.end("FAIL" if isinstance(error, Exception) else "ABORT", error)
            raise
        watcher.end("COMPLETE")


def _unsent(why: str) -> str:
    """A line that is not of a step, and so has no colon."""
    return f"Not all events of lineage were sent ({why.replace(': ', ', ')})"


def _sender(settings: Settings) -> Send:
    """What sends by HTTP to an address, else to a file; secrets are looked up once there is something."""
    transport = cache(partial(_transport, settings.folder, settings.lineage, settings.lineage_key))
    return lambda event: transport()(event)


def _transport(folder: Path, given: str, key: str) -> Send:
    owner = "lineage in asof.toml"
    address = filled(given, owner)
    if address.startswith(("http://", "https://")):
        return to_http(address, filled(key, owner))
    return to_file(folder / address)


class _Watcher:
    """What is known of the steps of a run, so that each is told of once."""

    def __init__(self, events: Events, put: Put) -> None:
        self._events, self._put = events, put
        self._last: dict[str, Step] = {}
        self._ended: set[str] = set()
        self._lock = Lock()
        put(lambda: [events.of_run("START", events.run.started_at)])

    def step(self, step: Step) -> None:
        with self._lock:
            first, ended = step.name not in self._last, step.name in self._ended
            self._last[step.name] = step
            if first:
                self._tell("START", step.started_at, step)
            if step.status != "running" and not ended:
                self._told(step)

    def end(self, kind: str, error: BaseException | None = None) -> None:
        """Tell of the end of the run, and before of those steps that have not ended."""
        now = datetime.now(UTC)
        with self._lock:
            for name in sorted(self._last.keys() - self._ended):
                self._tell("COMPLETE" if error is None else "ABORT", now, self._last[name])
            self._ended.update(self._last)
        reason = None if error is None else f"{type(error).__name__}: {error}"
        self._put(lambda: [self._events.of_run(kind, now, reason)])

    def _told(self, step: Step) -> None:
        """A step ends, but that of a run which goes on following a source has only taken something in."""
        if self._events.run.alone:
            self._ended.add(step.name)
        kind = _ENDS[step.status] if self._events.run.alone else "RUNNING"
        self._tell(kind, step.finished_at or datetime.now(UTC), step)

    def _tell(self, kind: str, time: datetime, step: Step) -> None:
        self._put(lambda: self._events.of_step(kind, time, step))
