"""The end of tasks."""

from __future__ import annotations

import asyncio
from typing import Any, Callable, Optional

_ASK_AGAIN = 0.5  # seconds


async def end(cancel: Callable[[], None], *tasks: Optional[asyncio.Future[Any]]) -> None:
    """Waits for tasks that were cancelled. asyncio.wait_for of Python 3.11 loses a
    cancellation that comes together with what it waits for, so they are asked again."""
    parts = {t for t in tasks if t is not None}
    left = parts
    while left:
        _, left = await asyncio.wait(left, timeout=_ASK_AGAIN)
        cancel()
    await asyncio.gather(*parts, return_exceptions=True)
