"""A schema registry that answers what Confluent's does, over HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

LOGIN = "Basic dXNlcjpzZWNyZXQ="  # user:secret


class Registry:
    """Answers by path; `asked` are the paths that were asked for. `locked`: only for those with the login."""

    def __init__(self, answers: Mapping[str, Any], *, locked: bool) -> None:
        self.answers, self.locked = answers, locked
        self.asked: list[str] = []
        self.host = ""

    def answer(self, path: str, login: str | None) -> tuple[int, Any]:
        self.asked.append(path)
        if self.locked and login != LOGIN:
            return 401, {"error_code": 401}
        found = self.answers.get(path)
        return (404, {"error_code": 40403}) if found is None else (200, found)


@contextmanager
def schema_registry(answers: Mapping[str, Any], *, locked: bool = False) -> Iterator[Registry]:
    """A registry that serves until left."""
    registry = Registry(answers, locked=locked)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, found = registry.answer(self.path, self.headers["Authorization"])
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(found).encode())

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        registry.host = f"127.0.0.1:{server.server_port}"
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield registry
        finally:
            server.shutdown()
            thread.join()
