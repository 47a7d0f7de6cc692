"""Errors over HTTP, in the form of RFC 9457. What went wrong inside goes to the log, never out."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from asof.errors import AsofError, Conflict, DataError, DefinitionError, NotFound
from asof.serving.access import Forbidden, Unauthorized
from asof.serving.wire import NotJson, write
from asof.storage.online.store import Unavailable

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

PROBLEM = "application/problem+json"


class TooLarge(DataError):
    """A request beyond a limit of the server."""


_STATUS: Mapping[type[AsofError], HTTPStatus] = {
    NotJson: HTTPStatus.BAD_REQUEST,
    Unauthorized: HTTPStatus.UNAUTHORIZED,
    Forbidden: HTTPStatus.FORBIDDEN,
    TooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    NotFound: HTTPStatus.NOT_FOUND,
    DefinitionError: HTTPStatus.UNPROCESSABLE_ENTITY,
    DataError: HTTPStatus.UNPROCESSABLE_ENTITY,
    Conflict: HTTPStatus.SERVICE_UNAVAILABLE,
    Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
}


_HEADERS: Mapping[HTTPStatus, Mapping[str, str]] = {
    HTTPStatus.UNAUTHORIZED: {"WWW-Authenticate": "Bearer"},
    HTTPStatus.SERVICE_UNAVAILABLE: {"Retry-After": "1"},
}


def problem(status: int, detail: str, headers: Mapping[str, str] | None = None) -> Response:
    """A response that tells what went wrong, and what to do about it."""
    from starlette.responses import Response

    content = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    return Response(write(content), status, headers, PROBLEM)


def handlers() -> dict[Any, Any]:
    """How each kind of exception is answered, for an application of Starlette."""
    from starlette.exceptions import HTTPException
    from starlette.requests import ClientDisconnect

    return {
        AsofError: _refused,
        HTTPException: _unrouted,
        ClientDisconnect: _left,
        Exception: _failed,
    }


def _refused(request: Request, error: AsofError) -> Response:
    status = next(
        (_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS), HTTPStatus.INTERNAL_SERVER_ERROR
    )
    return problem(status, str(error), _HEADERS.get(status))


def _unrouted(request: Request, error: Any) -> Response:
    allowed = (
        "GET /health, GET /v1/services, GET and POST /v1/services/SERVICE/features, "
        "POST /v1/sources/SOURCE/rows"
    )
    return problem(
        error.status_code, f"{request.method} {request.url.path}: allowed are {allowed}", error.headers
    )


def _left(request: Request, error: Exception) -> Response:
    return problem(HTTPStatus.BAD_REQUEST, "the body ended early")


def _failed(request: Request, error: Exception) -> Response:
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "the server failed; its log says why")
