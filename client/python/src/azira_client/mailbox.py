"""What stands between a reader that must not wait and a consumer that may."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from typing import Optional

from .tick import Tick

ROOM = 4096  # ticks that wait in order


class Mailbox:
    """Up to room ticks wait in order. When they are more, all but the newest of
    each token are dropped and counted: in conflated, and in the missed of the tick
    that stays. So a consumer that falls behind gets fresh prices, and memory is
    bounded by room or twice the number of tokens.

    put and end may be called from any thread and never wait. One consumer takes:
    with get in a thread, or with aget in an event loop.
    """

    def __init__(self, room: int = ROOM):
        if room < 1:
            raise ValueError("room for at least one tick is needed")
        self.room = room
        self.conflated = 0
        self._full = room
        self._queue: deque[Tick] = deque()
        self._ended = False
        self._changed = threading.Condition()
        self._waiter: Optional[asyncio.Future[None]] = None

    def put(self, tick: Tick) -> None:
        with self._changed:
            if self._ended:
                return
            if len(self._queue) >= self._full:
                self._conflate()
            self._queue.append(tick)
            self._wake()

    def end(self, drop: bool = False) -> None:
        """Lets the consumer finish: after what waits, or at once."""
        with self._changed:
            self._ended = True
            if drop:
                self._queue.clear()
            self._wake()

    def get(self) -> Optional[Tick]:
        """Waits for a tick; None is the end."""
        with self._changed:
            while not self._queue and not self._ended:
                self._changed.wait()
            return self._queue.popleft() if self._queue else None

    async def aget(self) -> Optional[Tick]:
        """Waits for a tick; None is the end."""
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


def _settle(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
