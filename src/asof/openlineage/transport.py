"""Sending events: to a file, as JSON lines, or by HTTP. What is done never waits for it, nor fails by it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Full, Queue
from threading import Thread
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

Event = dict[str, Any]
Send = Callable[[Event], None]
Put = Callable[[Callable[[], Iterable[Event]]], None]
"""Takes what makes events, which is done as they are sent."""

TIMEOUT = 3.0  # seconds that one event may take to be sent
GRACE = 5.0  # seconds that events still have to be sent in when all is done
WAITING = 10_000  # events that wait to be sent at most


def to_file(path: Path) -> Send:
    """Appends each event as a line."""

    def send(event: Event) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(event, ensure_ascii=False) + "\n")

    return send


def to_http(address: str, key: str = "") -> Send:
    """Posts each event; `key` is the bearer token that is asked for, if one is."""
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})

    def send(event: Event) -> None:
        request = Request(address, json.dumps(event).encode(), headers, method="POST")
        with urlopen(request, timeout=TIMEOUT) as answer:
            answer.read()

    return send


@contextmanager
def sending(send: Send, failed: Callable[[str], None]) -> Iterator[Put]:
    """Sends what is put, in its order and beside what is done, and afterwards for a moment at most.

    `failed` is called once with a reason where something could not be sent.
    """
    sender = _Sender(send, failed)
    try:
        yield sender.put
    finally:
        sender.finish(GRACE)


class _Sender:
    """A thread that sends until it is over, and whether it was told already that this fails."""

    def __init__(self, send: Send, failed: Callable[[str], None]) -> None:
        self._send, self._failed = send, failed
        self._told, self._over = False, False
        self._waiting: Queue[Callable[[], Iterable[Event]] | None] = Queue(WAITING)
        self._thread = Thread(target=self._work, name="asof-lineage", daemon=True)
        self._thread.start()

    def put(self, make: Callable[[], Iterable[Event]]) -> None:
        try:
            self._waiting.put_nowait(make)
        except Full:
            self._tell(f"more than {WAITING} events wait to be sent")

    def finish(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        try:
            self._waiting.put_nowait(None)
        except Full:
            return
        self._thread.join(max(0.0, until - time.monotonic()))
        if self._thread.is_alive():
            self._over = True
            self._tell(f"not all was sent within {seconds:g} s")

    def _work(self) -> None:
        while (make := self._waiting.get()) is not None and not self._over:
            try:
                for event in make():
                    self._send(event)
            except Exception as error:
                self._tell(_reason(error))

    def _tell(self, reason: str) -> None:
        if not self._told:
            self._told = True
            self._failed(reason)


def _reason(error: Exception) -> str:
    if isinstance(error, HTTPError):
        return f"HTTP {error.code} {error.reason}"
    return f"{type(error).__name__}: {error}"
