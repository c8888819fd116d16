"""Who hands to a callback what waits in a box."""

from __future__ import annotations

from typing import Any, Callable, Optional, Protocol, TypeVar

from .credential import is_async
from .thread import in_thread

T_co = TypeVar("T_co", covariant=True)


class Box(Protocol[T_co]):
    def get(self) -> Optional[T_co]: ...

    async def aget(self) -> Optional[T_co]: ...


async def hand_over(box: Box[Any], callback: Callable[[Any], Any]) -> None:
    """Calls back until the box has ended: an async callback in the event loop, a plain
    one, which may block, in a thread of its own. What it raises is raised."""
    if is_async(callback):
        while (item := await box.aget()) is not None:
            await callback(item)
        return

    def blocking() -> None:
        while (item := box.get()) is not None:
            callback(item)

    await in_thread(blocking)
