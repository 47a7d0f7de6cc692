"""Online lookups over HTTP: the application, and a server for it (extra `serve`)."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING

from asof.errors import DefinitionError, MissingExtra
from asof.serving.access import Access
from asof.serving.lookup import Lookup

if TYPE_CHECKING:
    import uvicorn

    from asof.serving.limits import Application

HOST = "127.0.0.1"
PORT = 8000
_SECONDS_TO_FINISH = 10

OnStart = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Tls:
    """The paths of the server's certificate, with those that vouch for it, and of its private key (PEM)."""

    certificate: str
    private_key: str


def application(lookup: Lookup, access: Access) -> Application:
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
    from asof.serving.limits import limited
    from asof.serving.messages import MAX_AT_ONCE
    from asof.serving.problems import handlers

    endpoints, feast = Endpoints(lookup, access), FeastEndpoints(lookup, access)
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
    return limited(Starlette(routes=routes, exception_handlers=handlers()), MAX_AT_ONCE)


def serve(
    lookup: Lookup,
    host: str = HOST,
    port: int = PORT,
    *,
    access: Access | None = None,
    tls: Tls | None = None,
    on_start: OnStart = lambda url: None,
) -> None:
    """Answer lookups until SIGINT or SIGTERM, then finish the requests that are under way.

    `on_start` is given the server's URL once it answers; with port 0 the system picks a free port.
    Without `access` to clients alone anyone may ask, who must be on this machine then.
    DefinitionError where host and port can't be had, `tls` can't be read, or others could reach a
    server without clients.
    """
    access = access or Access()
    if access.open_to_all and not _is_loopback(host):
        raise DefinitionError(
            f"at {host} others can reach the server: name its clients in asof.toml, "
            'as in [serve.clients.NAME] with key = "${NAME_KEY}"'
        )
    with _listening(host, port) as listener:
        _server(lookup, access, tls, host, listener, on_start).run([listener])


@contextmanager
def serving(
    lookup: Lookup,
    host: str = HOST,
    port: int = 0,
    *,
    access: Access | None = None,
    tls: Tls | None = None,
) -> Iterator[str]:
    """`serve` from a thread of its own, for as long as the block takes; gives the server's URL."""
    with _listening(host, port) as listener:
        ready = threading.Event()
        server = _server(lookup, access or Access(), tls, host, listener, lambda url: ready.set())
        thread = threading.Thread(target=server.run, args=([listener],), name="asof-http", daemon=True)
        thread.start()
        try:
            ready.wait(_SECONDS_TO_FINISH)
            yield _url(host, listener, tls)
        finally:
            server.should_exit = True
            thread.join()


def _server(
    lookup: Lookup, access: Access, tls: Tls | None, host: str, listener: socket.socket, on_start: OnStart
) -> uvicorn.Server:
    _require_extra()
    import uvicorn

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            on_start(_url(host, listener, tls))

    if tls is not None:
        _check_tls(tls)
    config = uvicorn.Config(
        application(lookup, access),
        ssl_certfile=tls.certificate if tls else None,
        ssl_keyfile=tls.private_key if tls else None,
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


def _check_tls(tls: Tls) -> None:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(tls.certificate, tls.private_key)
    except OSError as error:
        files = f"{tls.certificate} and {tls.private_key}"
        raise DefinitionError(
            f"no certificate and key for TLS in {files}: {error.strerror or error}"
        ) from None


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _url(host: str, listener: socket.socket, tls: Tls | None) -> str:
    port = listener.getsockname()[1]
    name = f"[{host}]" if ":" in host else host
    return f"{'https' if tls else 'http'}://{name}:{port}"


def _require_extra() -> None:
    try:
        import starlette  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError:
        raise MissingExtra("the HTTP server", "serve") from None
