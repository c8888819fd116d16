"""One connection of a stream, from its upgrade to its end."""

from __future__ import annotations

import asyncio
import time
from typing import Callable, Optional

from .dial import Conn
from .errors import CLOSE_LOST, CLOSE_POLICY, StreamClosed
from .wire import Ack, Wire

_LOOKS = 4            # at the clock in the time of silence that is allowed
_BLOCKED = 1.0        # seconds late at which the event loop itself was stuck


class Link:
    """Reads, restores what was subscribed, and watches for signs of life."""

    def __init__(self, conn: Conn, wire: Wire):
        self._conn = conn
        self.wire = wire
        self._heard = time.monotonic()

    async def last(self, up: Callable[[Ack], None]) -> Exception:
        """Lives as long as the connection does and returns why it ended. up is
        called when all is subscribed; what it raises ends the connection."""
        read = asyncio.ensure_future(self._read())
        watch = asyncio.ensure_future(self._watch())
        begin = asyncio.ensure_future(self._begin(up))
        parts = {read, watch, begin}
        silent = False
        try:
            while True:
                await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
                error = _first_error(begin, read, watch)
                if error is not None:
                    silent = watch.done()
                    return self._verdict(error)
                parts.discard(begin)
        finally:
            for part in (read, watch, begin):
                part.cancel()
            await asyncio.gather(read, watch, begin, return_exceptions=True)
            self.wire.fail(StreamClosed(CLOSE_LOST, "the connection ended"))
            if silent:
                await self._conn.abort()
            else:
                await self._conn.close()

    async def _begin(self, up: Callable[[Ack], None]) -> None:
        await self.wire.greet()
        up(await self.wire.restore())

    async def _read(self) -> None:
        try:
            while True:
                message = await self._conn.recv()
                self._heard = time.monotonic()
                self.wire.handle(message)
        except StreamClosed as e:
            self.wire.fail(e)
            raise

    async def _watch(self) -> None:
        while True:
            pause = self.wire.silence / _LOOKS
            began = time.monotonic()
            if self.wire.pings:
                await self._ping(pause)
            await asyncio.sleep(max(began + pause - time.monotonic(), 0))
            now = time.monotonic()
            if now - began > pause + _BLOCKED:
                self._heard = now  # nobody listened: what came may still wait
            if now - self._heard > self.wire.silence:
                words = f"nothing was heard for {self.wire.silence:g} s"
                raise StreamClosed(CLOSE_LOST, words)

    async def _ping(self, timeout: float) -> None:
        try:
            pong = await asyncio.wait_for(self._conn.ping(), timeout)
        except asyncio.TimeoutError:
            return  # the socket takes nothing; silence will tell
        pong.add_done_callback(self._ponged)

    def _ponged(self, pong: asyncio.Future[object]) -> None:
        if not pong.cancelled() and pong.exception() is None:
            self._heard = time.monotonic()

    def _verdict(self, error: Exception) -> Exception:
        """A close that follows a refusal is that refusal."""
        if self.wire.left:
            return StreamClosed(CLOSE_LOST, "messages were left, and are fetched anew")
        if isinstance(error, StreamClosed) and error.code == CLOSE_POLICY:
            return self.wire.refused or error
        return error


def _first_error(*parts: asyncio.Future[None]) -> Optional[Exception]:
    for part in parts:
        if part.done() and not part.cancelled():
            error = part.exception()
            if isinstance(error, Exception):
                return error
    return None
