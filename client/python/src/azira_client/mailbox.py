"""What stands between a reader that must not wait and a consumer that may."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from typing import Generic, Optional, TypeVar

from .message import Message
from .tick import Tick

ROOM = 4096           # ticks that wait in order
_MESSAGES_ROOM = 256  # messages, of 32 KiB at most

T = TypeVar("T")


class _Box(Generic[T]):
    """put and end may be called from any thread and never wait. One consumer takes:
    with get in a thread, or with aget in an event loop."""

    def __init__(self) -> None:
        self._queue: deque[T] = deque()
        self._ended = False
        self._changed = threading.Condition()
        self._waiter: Optional[asyncio.Future[None]] = None

    def end(self, drop: bool = False) -> None:
        """Lets the consumer finish: after what waits, or at once."""
        with self._changed:
            self._ended = True
            if drop:
                self._queue.clear()
            self._wake()

    def get(self) -> Optional[T]:
        """Waits for one; None is the end."""
        with self._changed:
            while not self._queue and not self._ended:
                self._changed.wait()
            return self._queue.popleft() if self._queue else None

    async def aget(self) -> Optional[T]:
        """Waits for one; None is the end."""
        while True:
            with self._changed:
                if self._queue:
                    return self._queue.popleft()
                if self._ended:
                    return None
                waiter = self._waiter = asyncio.get_running_loop().create_future()
            try:
                await waiter
            finally:
                self._waiter = None

    def __len__(self) -> int:
        return len(self._queue)

    def _wake(self) -> None:
        self._changed.notify()
        waiter, self._waiter = self._waiter, None
        if waiter is not None:
            waiter.get_loop().call_soon_threadsafe(_settle, waiter)


class Mailbox(_Box[Tick]):
    """Up to room ticks wait in order. When they are more, all but the newest of
    each token are dropped and counted: in conflated, and in the missed of the tick
    that stays. So a consumer that falls behind gets fresh prices, and memory is
    bounded by room or twice the number of tokens."""

    def __init__(self, room: int = ROOM):
        super().__init__()
        if room < 1:
            raise ValueError("room for at least one tick is needed")
        self.room = room
        self.conflated = 0
        self._full = room

    def put(self, tick: Tick) -> None:
        with self._changed:
            if self._ended:
                return
            if len(self._queue) >= self._full:
                self._conflate()
            self._queue.append(tick)
            self._wake()

    def _conflate(self) -> None:
        newest: dict[str, Tick] = {}
        for tick in reversed(self._queue):
            kept = newest.setdefault(tick.token, tick)
            if kept is not tick:
                kept.missed += tick.missed + 1
                self.conflated += 1
        self._queue = deque(reversed(newest.values()))
        # Half the room is free again, so that this walk is paid by many puts.
        self._full = max(self.room, 2 * len(self._queue))


class Postbox(_Box[Message]):
    """Messages. None gives way to another: whoever acknowledges the later one would have
    acknowledged both. When room of them wait, the next and all behind it are left with
    the server, and come on another connection."""

    def __init__(self, room: int = _MESSAGES_ROOM):
        super().__init__()
        self.room = room
        self.left = 0        # messages, on all connections
        self._full = False   # what comes on this connection is left
        self._first = 0      # id of the first message of this connection
        self._acked = 0      # all up to it are

    def begin(self) -> None:
        """A new connection, before anything came on it."""
        with self._changed:
            self._full, self._first = False, 0

    def put(self, message: Message) -> bool:
        """True for the first message of a connection that is left."""
        with self._changed:
            if self._ended:
                return False
            self._first = self._first or message.id
            if not self._full and len(self._queue) < self.room:
                self._queue.append(message)
                self._wake()
                return False
            self.left += 1
            leaves, self._full = not self._full, True
            return leaves

    def ack(self, message: int) -> None:
        with self._changed:
            self._acked = max(self._acked, message)

    def behind(self) -> bool:
        """Whether the connection is to be replaced: it left messages with the server, what
        waited is taken, and some of it acknowledged, so that the next one gets further."""
        with self._changed:
            return self._full and not self._queue and self._acked >= self._first


def _settle(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
