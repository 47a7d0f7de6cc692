"""How much the server takes on at once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from http import HTTPStatus
from typing import Any

from asof.serving.problems import problem

Application = Callable[[MutableMapping[str, Any], Any, Any], Awaitable[None]]


def limited(application: Application, most: int) -> Application:
    """The application, which answers 429 to what comes while so many requests are under way."""
    under_way = 0

    async def answer(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        nonlocal under_way
        if under_way >= most:
            busy = problem(
                HTTPStatus.TOO_MANY_REQUESTS, f"{most} requests are under way", {"Retry-After": "1"}
            )
            return await busy(scope, receive, send)
        under_way += 1
        try:
            await application(scope, receive, send)
        finally:
            under_way -= 1

    return answer
