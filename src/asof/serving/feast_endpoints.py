"""What the addresses of Feast's feature server do here, so that its clients work unchanged."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import TYPE_CHECKING, TypeVar

import msgspec

from asof.errors import AsofError, DataError, DefinitionError
from asof.serving.access import Access, Client, Forbidden
from asof.serving.feast import Asked, Pushed, answer, problem
from asof.serving.lookup import Lookup
from asof.serving.messages import MAX_BODY_BYTES, MAX_PUSH_BYTES, body, check_rows, respond, sender
from asof.serving.pushing import push
from asof.serving.wire import NotJson

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

T = TypeVar("T")
Endpoint = Callable[["FeastEndpoints", "Request"], Awaitable["Response"]]


def _told_as_feast_does(endpoint: Endpoint) -> Endpoint:
    """The endpoint, whose errors are JSON texts that hold JSON, as those of Feast."""

    @wraps(endpoint)
    async def told(self: FeastEndpoints, request: Request) -> Response:
        try:
            return await endpoint(self, request)
        except AsofError as error:
            status, text = problem(error)
            return respond(text, status)

    return told


class FeastEndpoints:
    """The endpoints of one lookup, as Starlette calls them, for those who have access."""

    def __init__(self, lookup: Lookup, access: Access) -> None:
        self._lookup = lookup
        self._access = access

    @_told_as_feast_does
    async def get_online_features(self, request: Request) -> Response:
        """Look features, or those of a service, up for columns of entity keys."""
        from starlette.concurrency import run_in_threadpool

        client = sender(request, self._access)
        asked = _read(await body(request, MAX_BODY_BYTES), Asked)
        self._check(client, asked.of)
        if self._lookup.service(asked.of).on_demand is None:
            return self._found(asked)
        return await run_in_threadpool(self._found, asked)

    @_told_as_feast_does
    async def push(self, request: Request) -> Response:
        """Keep rows for a source, durably; they count once the next run has taken them in."""
        from starlette.concurrency import run_in_threadpool

        client = sender(request, self._access)
        pushed = _read(await body(request, MAX_PUSH_BYTES), Pushed)
        client.check_source(pushed.push_source_name)
        rows = await run_in_threadpool(push, self._lookup.catalogue, pushed.push_source_name, pushed.rows())
        return respond({"rows": rows}, status=202)

    @_told_as_feast_does
    async def write_to_online_store(self, request: Request) -> Response:
        """Refused: what is online comes from tables, or training and serving would differ."""
        raise DefinitionError(
            "what is online is published from tables, so that training sees it too: "
            "push rows to a source with POST /push"
        )

    def _check(self, client: Client, asked: str | tuple[str, ...]) -> None:
        """Forbidden unless the client may look up the service, or one that has all of the features."""
        if isinstance(asked, str):
            client.check_service(asked)
        elif client.services is not None and not any(
            set(asked) <= set(self._lookup.service(name).features) for name in client.services
        ):
            raise Forbidden(f"no service that client {client.name!r} may look up has all of these features")

    def _found(self, asked: Asked) -> Response:
        service = self._lookup.service(asked.of)
        keys, given = asked.rows(service, self._lookup.only_keys())
        check_rows(len(keys))
        vectors = self._lookup.get(asked.of, keys, request=given if service.request else None)
        return respond(answer(vectors, asked))


def _read(received: bytes, form: type[T]) -> T:
    try:
        return msgspec.json.decode(received, type=form)
    except msgspec.ValidationError as error:
        raise DataError(str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise NotJson(f"the body is not JSON: {error}") from None
