"""The pause before the next attempt to connect."""

from __future__ import annotations

import random

PAUSE_MIN = 0.25         # seconds
PAUSE_MAX = 15.0
_RETRY_AFTER_MAX = 300.0  # a longer Retry-After is cut to this
_SPREAD = 0.25            # of the server's own wish, added at random


class Backoff:
    """Pauses are as long as the server asked for, or random up to a bound that doubles,
    so that clients of a server that went do not come back in step."""

    def __init__(self, shortest: float = PAUSE_MIN, longest: float = PAUSE_MAX):
        if not 0 < shortest <= longest:
            raise ValueError("back-off must be (shortest, longest) in seconds")
        self._shortest = shortest
        self._longest = longest
        self.reset()

    def reset(self) -> None:
        self._bound = self._shortest

    def next(self, retry_after: float = 0.0) -> float:
        """The next pause in seconds: the server's own wish and a little more, if it has one."""
        if retry_after > 0:
            return min(retry_after, _RETRY_AFTER_MAX) * random.uniform(1, 1 + _SPREAD)
        self._bound = min(2 * self._bound, self._longest)
        return random.uniform(self._shortest, self._bound)
