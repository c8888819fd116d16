"""What can be asked of a stream while it lives, through reconnects if need be."""

from __future__ import annotations

import asyncio
from typing import Any, Iterable, Optional, Union

from .errors import AziraError, StreamClosed
from .ledger import Ledger
from .mailbox import Postbox
from .request import check_options, check_tokens, named
from .wire import Ack, Options, Wire

TEXT, JSON, BINARY = "text", "azira.v1.json", "azira.v1.bin"
ALL = "*"  # to unsubscribe: every token

Tokens = Union[str, Iterable[str]]


class Asking:
    """The requests of a SubscribeToToken, which owns the fields and makes the connections."""

    dialect: str
    error: Optional[BaseException]
    _ledger: Ledger
    _options: Options
    _post: Postbox
    _roster: bool
    _loop: Optional[asyncio.AbstractEventLoop]
    _main: Optional[asyncio.Task[None]]
    _live: Optional[Wire]
    _turned: Optional[asyncio.Event]

    async def subscribe(self, *tokens: Tokens, mode: Optional[str] = None,
                        snapshot: Optional[bool] = None,
                        max_rate: Optional[float] = None) -> Ack:
        """Adds tokens or changes their options, through reconnects if need be. Names may
        be given one by one, or in lists.

        Tokens refused are in the answer's failed; in the text dialect an unknown one
        is Refused and ends the stream. In another thread: subscribe_soon."""
        names = check_tokens(named(tokens))
        options = self._options
        if (mode, snapshot, max_rate) != (None, None, None):
            options = self._checked(mode or "full", snapshot is not False, max_rate)
        while True:
            wire = await self._wire()
            try:
                ack = await wire.subscribe(names, options)
            except StreamClosed:
                self._lose(wire)
                continue
            for token in ack.ok:
                self._ledger.want(token, options)
            return ack

    async def unsubscribe(self, *tokens: Tokens) -> Ack:
        """Gives tokens up, one by one or in lists; without any, or for "*", all."""
        names = [] if tokens in ((), (ALL,)) else check_tokens(named(tokens))
        while True:
            wire = await self._wire()
            try:
                return await (wire.unsubscribe(names) if names else wire.unsubscribe_all())
            except StreamClosed:
                self._lose(wire)

    async def request(self, op: str, **fields: Any) -> Ack:
        """Another request of the typed dialects: list, ping, auth."""
        return await (await self._wire()).request(op, **fields)

    async def ack(self, message: int) -> None:
        """Acknowledges the messages up to this id, for all streams of the account, through
        reconnects if need be. What is not acknowledged comes again on the next connection."""
        await self._insist("ack", message=message)
        self._post.ack(message)

    async def roster(self, on: bool = True) -> None:
        """Begins to tell on_event who is online, as "roster" and "presence", or ends it. It
        begins anew on each connection."""
        self._roster = False
        await self._insist("roster", on=on)
        self._roster = on

    def ack_soon(self, message: int) -> Any:
        """ack from another thread; returns a concurrent.futures.Future."""
        if self._loop is None:
            raise RuntimeError("the stream is not started")
        return asyncio.run_coroutine_threadsafe(self.ack(message), self._loop)

    def subscribe_soon(self, *tokens: Tokens, **options: Any) -> Any:
        """subscribe from another thread; returns a concurrent.futures.Future."""
        if self._loop is None:
            raise RuntimeError("the stream is not started")
        return asyncio.run_coroutine_threadsafe(self.subscribe(*tokens, **options), self._loop)

    async def _insist(self, op: str, **fields: Any) -> None:
        """Asks one connection after the other, until one has answered."""
        while True:
            wire = await self._wire()
            try:
                await wire.request(op, **fields)
                return
            except StreamClosed:
                self._lose(wire)

    async def _wire(self) -> Wire:
        """Waits for a connection on which all is subscribed."""
        while True:
            if self._main is None or self._turned is None or self._main.done():
                self._raise()
                raise AziraError("the stream is not open")
            if self._live is not None:
                return self._live
            await self._turned.wait()
            await asyncio.sleep(0)

    def _lose(self, wire: Wire) -> None:
        """Takes a connection out of use; no harm if another has its place."""
        if self._live is wire and self._turned is not None:
            self._live = None
            self._turned.clear()

    def _raise(self) -> None:
        if self.error is not None:
            raise self.error

    def _checked(self, mode: str, snapshot: bool, max_rate: Optional[float]) -> Options:
        if (options := check_options(mode, snapshot, max_rate)) and self.dialect == TEXT:
            raise ValueError("the text dialect has no options")
        return options
