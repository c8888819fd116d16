"""The bearer with which a stream is opened, and what to do when it is refused."""

from __future__ import annotations

import inspect
from typing import Any, Awaitable, Callable, Mapping, Union

from .auth import bearer_of
from .errors import ApiError, StreamClosed
from .thread import in_thread

Bearer = Union[str, Mapping[str, Any], Callable[[], Union[str, Awaitable[str]]]]

_CODE_EXPIRED = 3005


def is_async(call: Any) -> bool:
    return inspect.iscoroutinefunction(call) or \
        inspect.iscoroutinefunction(getattr(call, "__call__", None))


class Credential:
    """A bearer, or whoever can be asked for one. It never shows itself."""

    def __init__(self, bearer: Bearer):
        self._given = bearer if callable(bearer) else bearer_of(bearer)
        self._again = True  # a refused bearer is replaced once, until one is accepted

    async def get(self) -> str:
        if not callable(self._given):
            return str(self._given)
        if is_async(self._given):
            answer: Any = self._given()
        else:
            answer = await in_thread(self._given)
        if inspect.isawaitable(answer):
            answer = await answer
        return bearer_of(answer)

    def accepted(self) -> None:
        self._again = True

    def is_to_blame(self, error: Exception) -> bool:
        """Tells whether the stream ended, or was refused, for its bearer."""
        if isinstance(error, StreamClosed):
            return error.code == _CODE_EXPIRED
        return isinstance(error, ApiError) and error.op == "open stream" and \
            error.status in (401, 403)

    def replace(self) -> bool:
        """Says whether another bearer may be had."""
        if not callable(self._given) or not self._again:
            return False
        self._again = False
        getattr(self._given, "refused", lambda: None)()
        return True
