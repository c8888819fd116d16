"""Work that blocks, beside an event loop."""

from __future__ import annotations

import asyncio
import threading
from typing import Any, Callable


async def in_thread(work: Callable[[], Any]) -> Any:
    """Runs work in a thread of its own and waits for it, also when cancelled, so
    that no thread is left behind."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Any] = loop.create_future()

    def body() -> None:
        try:
            result, error = work(), None
        except BaseException as e:
            result, error = None, e
        loop.call_soon_threadsafe(_settle, done, result, error)

    thread = threading.Thread(target=body, name="azira-client", daemon=True)
    thread.start()
    try:
        return await asyncio.shield(done)
    except asyncio.CancelledError:
        await asyncio.wait({done})
        if not done.cancelled():
            done.exception()  # nobody is there to hear it
        raise
    finally:
        thread.join()


def _settle(done: asyncio.Future[Any], result: Any, error: Any) -> None:
    if done.cancelled():
        return
    if error is not None:
        done.set_exception(error)
    else:
        done.set_result(result)
