"""The one file that knows the websockets package, in its forms before and since
version 14."""

from __future__ import annotations

import asyncio
import inspect
import logging
from typing import Any, Optional, Union

from .auth import retry_after_of, status_words, detail_of
from .errors import (CLOSE_LOST, CLOSE_NORMAL, ApiError, AziraError, ConnectError,
                     DialectError, StreamClosed, clean)

_OPEN_TIMEOUT = 10.0   # seconds for connect, TLS and upgrade together
_CLOSE_TIMEOUT = 1.0   # for the server's close frame, after ours
_MESSAGE_BYTES_MAX = 4 << 20

# At DEBUG the package would write headers, credentials among them.
_quiet = logging.getLogger("azira_client.websockets")
_quiet.setLevel(logging.INFO)


_BODY_BYTES_MAX = 16 << 10  # of the answer to a refused upgrade
_BODY_TIMEOUT = 1.0         # for it to come


class Conn:
    """One WebSocket connection."""

    def __init__(self, ws: Any, closed: type[Exception]):
        self._ws = ws
        self._closed = closed
        self.subprotocol: Optional[str] = ws.subprotocol

    async def recv(self) -> Union[str, bytes]:
        try:
            message: Union[str, bytes] = await self._ws.recv()
            return message
        except self._closed as e:
            raise _ending(e) from None

    async def send(self, text: str) -> None:
        try:
            await self._ws.send(text)
        except self._closed as e:
            raise _ending(e) from None

    async def ping(self) -> asyncio.Future[Any]:
        """Returns what is done when the pong comes."""
        try:
            pong: asyncio.Future[Any] = asyncio.ensure_future(await self._ws.ping())
            return pong
        except self._closed as e:
            raise _ending(e) from None

    async def close(self) -> None:
        """Says goodbye, and does not wait long for the answer."""
        try:
            await asyncio.wait_for(self._ws.close(CLOSE_NORMAL), _CLOSE_TIMEOUT)
        except (asyncio.TimeoutError, OSError):
            await self.abort()

    async def abort(self) -> None:
        transport = getattr(self._ws, "transport", None)
        if transport is not None:
            transport.abort()
        try:
            await asyncio.wait_for(self._ws.wait_closed(), _CLOSE_TIMEOUT)
        except asyncio.TimeoutError:
            pass


async def dial(url: str, bearer: str, subprotocol: Optional[str]) -> Conn:
    """Opens a stream. A refusal of the upgrade is an ApiError."""
    try:
        import websockets
        from websockets import exceptions
    except ImportError as e:
        raise AziraError("the package websockets is needed for streams") from e
    connect: Any = getattr(websockets, "connect")  # loaded when it is first named
    options: dict[str, Any] = {
        "subprotocols": [subprotocol] if subprotocol else None, "compression": None,
        "open_timeout": _OPEN_TIMEOUT, "close_timeout": _CLOSE_TIMEOUT,
        "ping_interval": None, "max_size": _MESSAGE_BYTES_MAX, "logger": _quiet,
        "user_agent_header": "azira-client-python",
        _headers_name(connect): {"Authorization": "Bearer " + bearer},
    }
    if hasattr(connect, "handle_redirect"):  # before 14
        options["create_protocol"] = _hearing()
    try:
        ws = await _staying(connect)(url, **options)
    except exceptions.InvalidHandshake as e:
        raise _refusal(e) from None
    except asyncio.TimeoutError:
        raise ConnectError("open stream: no answer in time") from None
    except (OSError, EOFError, exceptions.WebSocketException) as e:
        raise ConnectError(f"open stream: {clean(str(e)) or type(e).__name__}") from None
    conn = Conn(ws, exceptions.ConnectionClosed)
    if conn.subprotocol != subprotocol:
        await conn.close()
        raise DialectError(f"the server does not speak {subprotocol}")
    return conn


def _headers_name(connect: Any) -> str:
    known = inspect.signature(connect.__init__).parameters
    return "additional_headers" if "additional_headers" in known else "extra_headers"


def _staying(connect: Any) -> Any:
    """The same, but a redirect is an answer: credentials go nowhere else."""

    class Staying(connect):  # type: ignore[misc]
        MAX_REDIRECTS_ALLOWED = 1  # before 14: attempts

        def process_redirect(self, exc: Exception) -> Exception:  # since 14
            return exc

    return Staying


def _hearing() -> Any:
    """The protocol of websockets before 14, which leaves the words of a refusal unread."""
    from websockets import exceptions
    from websockets.legacy.client import WebSocketClientProtocol

    class Hearing(WebSocketClientProtocol):  # type: ignore[misc]
        async def handshake(self, *args: Any, **more: Any) -> None:
            try:
                await super().handshake(*args, **more)
            except exceptions.InvalidHandshake as e:
                setattr(e, "body", await self._words(getattr(e, "headers", {})))
                raise

        async def _words(self, headers: Any) -> bytes:
            length = headers.get("Content-Length", "")
            if not length.isdigit() or int(length) > _BODY_BYTES_MAX:
                return b""
            try:
                read = self.reader.readexactly(int(length))
                words: bytes = await asyncio.wait_for(read, _BODY_TIMEOUT)
                return words
            except (asyncio.TimeoutError, OSError, EOFError):
                return b""

    return Hearing


def _refusal(e: Any) -> AziraError:
    answer = getattr(e, "response", None)
    status = getattr(e, "status_code", None) or getattr(answer, "status_code", None)
    if status is None:
        name = type(e).__name__
        if name == "NegotiationError":
            return DialectError("the server chose a dialect that was not asked for")
        if name == "SecurityError":
            return ApiError("open stream", 302, "redirected: " + clean(str(e)))
        return ConnectError(f"open stream: {clean(str(e)) or name}")
    headers = getattr(answer, "headers", None) or getattr(e, "headers", None)
    body = getattr(answer, "body", None) or getattr(e, "body", None) or b""
    detail = detail_of(body) or status_words(status)
    return ApiError("open stream", status, detail, retry_after_of(headers))


def _ending(e: Any) -> StreamClosed:
    if e.rcvd is not None:
        return StreamClosed(e.rcvd.code, clean(e.rcvd.reason))
    return StreamClosed(CLOSE_LOST, "the connection broke")
