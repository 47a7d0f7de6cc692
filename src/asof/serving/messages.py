"""Reading requests, who sends them and their bodies within limits, and writing responses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asof.serving.access import Access, Client
from asof.serving.problems import TooLarge
from asof.serving.wire import JSON, write

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

MAX_ROWS = 1000
MAX_BODY_BYTES = 1 << 20
MAX_PUSH_BYTES = 16 << 20
MAX_AT_ONCE = 1024


def sender(request: Request, access: Access) -> Client:
    """The client that sends a request; Unauthorized where that is nobody known."""
    return access.client(request.headers.get("authorization"))


async def body(request: Request, most: int) -> bytes:
    """The body of a request of at most so many bytes; TooLarge as soon as it has more."""
    received = bytearray()
    async for chunk in request.stream():
        received += chunk
        if len(received) > most:
            raise TooLarge(f"a body of more than {most} bytes; send less at once")
    return bytes(received)


def check_rows(rows: int) -> None:
    """TooLarge for a lookup of more than `MAX_ROWS` keys."""
    if rows > MAX_ROWS:
        raise TooLarge(f"{rows} keys in one request, at most {MAX_ROWS} are allowed")


def respond(content: object, status: int = 200) -> Response:
    """A response in JSON."""
    from starlette.responses import Response

    return Response(write(content), status, media_type=JSON)
