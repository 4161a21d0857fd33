"""What aiohttp does with a connection before a request is one, and after it failed to become one.

aiohttp answers those itself, in plain text, and logs what it could not read: the line may hold a token or a
name. There is no setting for either, so the three classes that lie between its runner and its parser are
given a child each, which overrides no more than that.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, cast

import structlog
from aiohttp import web
from aiohttp.http_exceptions import LineTooLong
from aiohttp.web_protocol import RequestHandler

from handlers.request import HANG_UP, REQUEST_ID
from server.access_log import ACCESS_LOG
from server.errors import CODE_OF_STATUS, OTHER_STATUS, problem
from server.logs import where
from server.metrics import METRICS

if TYPE_CHECKING:
    import asyncio

log = structlog.get_logger()

HEAD_SECONDS = 30
"""How long a connection may take to send its first whole head; for further ones its keep-alive counts."""

LINGER_SECONDS = 3
"""How long a refused body is read on, so that the client comes to read the refusal; then the connection ends."""


class Connection(RequestHandler):
    """One connection: hangs up on heads that drip in, answers in our shape, keeps what was sent out of the log."""

    __slots__ = ("_head_timer",)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._head_timer = self._loop.call_later(HEAD_SECONDS, self._hang_up_on_slow_head)

    def connection_lost(self, exc: BaseException | None) -> None:
        self._head_timer.cancel()
        request = self._current_request
        if request is not None and HANG_UP in request:
            request[HANG_UP]()
        super().connection_lost(exc)

    def _hang_up_on_slow_head(self) -> None:
        if self._request_count == 0:
            self.force_close()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        del message
        if request.writer.output_size > 0:
            raise ConnectionError("an answer was begun already")
        if isinstance(exc, LineTooLong):
            status = 431
        response = cast("Server", self._manager).refuse(request, status, exc)
        response.force_close()
        return response

    def log_exception(self, *args: Any, **kw: Any) -> None:
        """Log where; what a client sent wrongly is its own affair."""
        del args
        error = kw.get("exc_info")
        if isinstance(error, BaseException) and not isinstance(error, web.RequestPayloadError | ConnectionError):
            log.error("unexpected error on a connection", **where(error))


class Server(web.Server):
    def __init__(self, app: web.Application, like: web.Server, **options: Any) -> None:
        super().__init__(self._handle, request_factory=like.request_factory, **options)
        self._answer = like.request_handler
        self._app = app

    def __call__(self) -> Connection:
        return Connection(self, loop=self._loop, **self._kwargs)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        try:
            return await self._answer(request)
        except web.HTTPException as error:  # before the pipeline: an expectation that cannot be met
            return self.refuse(request, error.status, None)

    def refuse(self, request: web.BaseRequest, status: int, error: BaseException | None) -> web.Response:
        request_id = request.get(REQUEST_ID) or os.urandom(8).hex()
        code, facts = CODE_OF_STATUS.get(status, OTHER_STATUS)
        if status >= 500:  # noqa: PLR2004
            if error is not None:
                log.error("unexpected error", request_id=request_id, **where(error))
            code, facts = "internal_error", {"request_id": request_id}
        response = problem(request, request_id, status, code, facts)
        self._app[METRICS].observe("other", "unreadable", status, 0)
        self._app[ACCESS_LOG].write("other", "unreadable", status, 0, request_id)
        return response


class Runner(web.AppRunner):
    """Runs the application on connections of ours."""

    def __init__(self, app: web.Application, **options: Any) -> None:
        super().__init__(app, access_log=None, **{"lingering_time": LINGER_SECONDS, **options})

    async def _make_server(self) -> Server:
        made = await super()._make_server()
        return Server(self.app, made, **self._kwargs)
