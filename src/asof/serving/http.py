"""Online lookups over HTTP: the application, and a server for it (extra `serve`)."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from asof.errors import DefinitionError, MissingExtra
from asof.serving.lookup import Lookup

if TYPE_CHECKING:
    import uvicorn
    from starlette.applications import Starlette

HOST = "127.0.0.1"
PORT = 8000
_SECONDS_TO_FINISH = 10

OnStart = Callable[[str], None]


def application(lookup: Lookup) -> Starlette:
    """The ASGI application that answers lookups. It has

        GET  /health
        GET  /v1/services
        GET  /v1/services/{service}/features?KEY=VALUE
        POST /v1/services/{service}/features   {"keys": [{KEY: VALUE}], "request": [{NAME: VALUE}],
                                                "now": ..., "details": true}
        POST /v1/sources/{source}/rows         {"rows": [{COLUMN: VALUE}]}

    and answers errors in the form of RFC 9457. Beside these it has those of Feast's feature server, for
    its clients: POST /get-online-features, /push and /write-to-online-store.
    """
    _require_extra()
    from starlette.applications import Starlette
    from starlette.routing import Route

    from asof.serving.endpoints import Endpoints
    from asof.serving.feast_endpoints import FeastEndpoints
    from asof.serving.problems import handlers

    endpoints, feast = Endpoints(lookup), FeastEndpoints(lookup)
    routes = [
        Route("/health", endpoints.health),
        Route("/v1/services", endpoints.services),
        Route("/v1/services/{service}/features", endpoints.get, methods=["GET"]),
        Route("/v1/services/{service}/features", endpoints.post, methods=["POST"]),
        Route("/v1/sources/{source}/rows", endpoints.push, methods=["POST"]),
        Route("/get-online-features", feast.get_online_features, methods=["POST"]),
        Route("/push", feast.push, methods=["POST"]),
        Route("/write-to-online-store", feast.write_to_online_store, methods=["POST"]),
    ]
    return Starlette(routes=routes, exception_handlers=handlers())


def serve(
    lookup: Lookup, host: str = HOST, port: int = PORT, *, on_start: OnStart = lambda url: None
) -> None:
    """Answer lookups until SIGINT or SIGTERM, then finish the requests that are under way.

    `on_start` is given the server's URL once it answers; with port 0 the system picks a free port.
    There is no authentication: let others than this machine reach it only through something that
    has. DefinitionError where host and port can't be had.
    """
    with _listening(host, port) as listener:
        _server(lookup, host, listener, on_start).run([listener])


@contextmanager
def serving(lookup: Lookup, host: str = HOST, port: int = 0) -> Iterator[str]:
    """`serve` from a thread of its own, for as long as the block takes; gives the server's URL."""
    with _listening(host, port) as listener:
        ready = threading.Event()
        server = _server(lookup, host, listener, lambda url: ready.set())
        thread = threading.Thread(target=server.run, args=([listener],), name="asof-http", daemon=True)
        thread.start()
        try:
            ready.wait(_SECONDS_TO_FINISH)
            yield _url(host, listener)
        finally:
            server.should_exit = True
            thread.join()


def _server(lookup: Lookup, host: str, listener: socket.socket, on_start: OnStart) -> uvicorn.Server:
    _require_extra()
    import uvicorn

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            on_start(_url(host, listener))

    config = uvicorn.Config(
        application(lookup),
        log_config=None,
        access_log=False,
        lifespan="off",
        ws="none",
        server_header=False,
        timeout_graceful_shutdown=_SECONDS_TO_FINISH,
    )
    return Server(config)


def _listening(host: str, port: int) -> socket.socket:
    if port not in range(1 << 16):
        raise DefinitionError(f"no port {port}: ports are 1 to 65535, or 0 for any that is free")
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, _, _, _, address = found[0]
        return socket.create_server(address[:2], family=family, backlog=2048)
    except OSError as error:
        reason = error.strerror or error
        raise DefinitionError(f"can't listen on {host}, port {port}: {reason}; choose another") from None


def _url(host: str, listener: socket.socket) -> str:
    port = listener.getsockname()[1]
    name = f"[{host}]" if ":" in host else host
    return f"http://{name}:{port}"


def _require_extra() -> None:
    try:
        import starlette  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError:
        raise MissingExtra("the HTTP server", "serve") from None
