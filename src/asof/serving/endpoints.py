"""What each address of the HTTP server does.

Lookups run on the event loop itself: one takes microseconds of memory-mapped reads, less than handing
it to a thread and back would. Once a second one of them also reads the catalogue, in a millisecond
or two. On-demand features are computed in a thread, as a team's function takes as long as it takes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from asof.errors import AsofError
from asof.serving.access import Access
from asof.serving.lookup import Lookup
from asof.serving.messages import MAX_BODY_BYTES, MAX_PUSH_BYTES, body, check_rows, respond, sender
from asof.serving.problems import problem
from asof.serving.pushing import push_body
from asof.serving.services import ServedService
from asof.serving.wire import JSON, Request, answer, read_query, read_request, service_card

if TYPE_CHECKING:
    from starlette.requests import Request as HttpRequest
    from starlette.responses import Response


class Endpoints:
    """The endpoints of one lookup, as Starlette calls them, for those who have access."""

    def __init__(self, lookup: Lookup, access: Access) -> None:
        self._lookup = lookup
        self._access = access

    async def health(self, request: HttpRequest) -> Response:
        """Whether lookups can be answered."""
        try:
            self._lookup.check()
        except Exception as error:
            reason = str(error) if isinstance(error, AsofError) else type(error).__name__
            return problem(503, f"the catalogue or the online store can't be read: {reason}")
        return respond({"status": "ok"})

    async def services(self, request: HttpRequest) -> Response:
        """All services that the client may look up, with their keys, features and types."""
        client = sender(request, self._access)
        names = [name for name in self._lookup.services() if client.sees(name)]
        return respond({"services": [self._card(name) for name in names]})

    async def get(self, request: HttpRequest) -> Response:
        """Look up the one key in the query string, with details: for a person."""
        service = self._service(request)
        return await self._answer(service, read_query(request.query_params.multi_items(), service.request))

    async def post(self, request: HttpRequest) -> Response:
        """Look up the keys in the body."""
        service = self._service(request)
        return await self._answer(service, read_request(await body(request, MAX_BODY_BYTES)))

    async def push(self, request: HttpRequest) -> Response:
        """Keep the rows in the body for a source, durably."""
        from starlette.concurrency import run_in_threadpool

        source, media_type = request.path_params["source"], request.headers.get("content-type", JSON)
        sender(request, self._access).check_source(source)
        received, key = await body(request, MAX_PUSH_BYTES), request.headers.get("idempotency-key")
        rows = await run_in_threadpool(push_body, self._lookup.catalogue, source, media_type, received, key)
        return respond({"source": source, "rows": rows}, status=202)

    def _service(self, request: HttpRequest) -> ServedService:
        name = request.path_params["service"]
        sender(request, self._access).check_service(name)
        return self._lookup.service(name)

    async def _answer(self, service: ServedService, asked: Request) -> Response:
        check_rows(len(asked.keys))
        if service.on_demand is None:
            return self._found(service, asked)
        from starlette.concurrency import run_in_threadpool

        return await run_in_threadpool(self._found, service, asked)

    def _found(self, service: ServedService, asked: Request) -> Response:
        found = self._lookup.get(service.name, asked.keys, request=asked.request, now=asked.now)
        return respond(answer(found, asked.details))

    def _card(self, name: str) -> dict[str, object]:
        try:
            return service_card(self._lookup.service(name))
        except AsofError as error:
            return {
                "name": name,
                "keys": [],
                "request": [],
                "features": [],
                "as_of": None,
                "detail": str(error),
            }
