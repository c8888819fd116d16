"""What the dialects have in common: what a stream asks of them, and they of it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any, Callable, Iterable, Iterator, Optional, Protocol, Union

from .dial import Conn
from .errors import ConnectError, Refused
from .ledger import Ledger
from .message import Message
from .tick import Tick

ANSWER_TIMEOUT = 30.0  # seconds for the answer to a request
Options = dict[str, Any]


@dataclass
class Ack:
    """The whole answer to a request, all its pieces.

    ok is {token: seq}, with seq None in the text dialect; failed is
    {token: (code, words)}; items are the tokens with their options, for list.
    """

    op: str
    ok: dict[str, Optional[int]] = field(default_factory=dict)
    failed: dict[str, tuple[int, str]] = field(default_factory=dict)
    count: Optional[int] = None
    limit: Optional[int] = None
    items: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class Hub:
    """What a dialect is given: where ticks and messages go, where everything else."""

    ledger: Ledger
    deliver: Callable[[Tick], None]
    emit: Callable[[dict[str, Any]], None]
    post: Callable[[Message], None]
    has_messages: bool  # they come
    wants_roster: Callable[[], bool]


class Wire(Protocol):
    """One connection in one dialect. Its methods belong to the event loop."""

    silence: float  # seconds without anything after which the connection is dead
    pings: bool     # whether the client has to ask for signs of life
    refused: Optional[Refused]  # what a close with 1008 is about
    left: bool      # we left, to have another connection

    def handle(self, message: Union[str, bytes]) -> None:
        """Takes one message; never waits."""

    def fail(self, error: Exception) -> None:
        """Ends what waits for an answer."""

    async def greet(self) -> None:
        """Returns once the server has said what it has to say first."""

    async def restore(self) -> Ack:
        """Subscribes what the ledger wants, going on where it was."""

    async def subscribe(self, tokens: Iterable[str], options: Options) -> Ack: ...

    async def unsubscribe(self, tokens: Iterable[str]) -> Ack: ...

    async def unsubscribe_all(self) -> Ack: ...

    async def request(self, op: str, **fields: Any) -> Ack: ...

    async def leave(self) -> None:
        """Ends the connection, to have another."""


MakeWire = Callable[[Conn, Hub], Wire]


def split(tokens: Iterable[str], room: int, extra: int = 0) -> Iterator[list[str]]:
    """Cuts tokens into lists of at most room bytes, extra being added to each."""
    part: list[str] = []
    used = 0
    for token in tokens:
        size = len(token.encode()) + 1 + extra
        if part and used + size > room:
            yield part
            part, used = [], 0
        part.append(token)
        used += size
    if part:
        yield part


async def answer_of(waiter: asyncio.Future[Any], timeout: float = ANSWER_TIMEOUT) -> Any:
    """Waits for what the server has to say; its silence is a ConnectError."""
    try:
        return await asyncio.wait_for(waiter, timeout)
    except asyncio.TimeoutError:
        raise ConnectError("the server did not answer in time") from None
