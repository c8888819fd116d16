"""What may go wrong. No error holds a password or a credential."""

from __future__ import annotations

from typing import Mapping, Optional

CLOSE_NORMAL = 1000
CLOSE_LOST = 1006  # never on the wire: the connection broke
CLOSE_POLICY = 1008

# Close codes after which a stream is opened anew. A code that is not named is final.
_RECONNECT = frozenset({1001, CLOSE_LOST, 1011, 1012, 1013, 3005, 3008})

_DETAIL_MAX = 512  # characters of the server's words kept in an error


def reconnects(code: int) -> bool:
    """Tells whether a stream closed with code is to be opened anew."""
    return code in _RECONNECT


def clean(words: str) -> str:
    """Makes words of the other side fit for one line of a log."""
    line = "".join(c if c.isprintable() else " " for c in words).strip()
    return line if len(line) <= _DETAIL_MAX else line[: _DETAIL_MAX - 1] + "…"


class AziraError(Exception):
    """The root of all errors of this package."""


class ApiError(AziraError):
    """A request that the server answered with a refusal, also of an upgrade.

    status is HTTP's, detail the server's words, retry_after seconds or None.
    """

    def __init__(self, op: str, status: int, detail: str, retry_after: Optional[float] = None):
        super().__init__(f"{op}: {detail} ({status})")
        self.op = op
        self.status = status
        self.detail = detail
        self.retry_after = retry_after


class ConnectError(AziraError):
    """No connection could be made, or the answer was no HTTP."""


class StreamClosed(AziraError):
    """A stream's connection ended: by a close frame, or without one (1006)."""

    def __init__(self, code: int, reason: str = ""):
        words = f": {reason}" if reason else ""
        super().__init__(f"the stream was closed ({code}){words}")
        self.code = code
        self.reason = reason

    @property
    def final(self) -> bool:
        return not reconnects(self.code)


class Refused(AziraError):
    """A request on a stream that the server did not do.

    tokens says which were refused and why, {token: (code, words)}; it is empty
    when the request was refused for another reason. code is 0 in the text dialect.
    """

    def __init__(self, op: str, detail: str, code: int = 0,
                 tokens: Optional[Mapping[str, tuple[int, str]]] = None):
        super().__init__(f"{op}: {detail}" + (f" ({code})" if code else ""))
        self.op = op
        self.detail = detail
        self.code = code
        self.tokens = dict(tokens or {})


class DialectError(AziraError):
    """The server does not speak the dialect that was asked for."""


def retryable(error: BaseException) -> bool:
    """Tells whether opening anew may help after error."""
    if isinstance(error, StreamClosed):
        return not error.final
    if isinstance(error, ApiError):
        return error.status in (408, 429) or error.status >= 500
    return isinstance(error, ConnectError)
