"""SubscribeToToken: a subscription that outlives its connections."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from typing import Any, AsyncIterator, Callable, Generator, Iterable, Optional, Union

from .asking import BINARY, JSON, TEXT, Asking
from .auth import parse_server
from .backoff import PAUSE_MAX, PAUSE_MIN, Backoff
from .credential import Bearer, Credential, is_async
from .dial import Conn, dial
from .errors import AziraError, Refused, retryable
from .ledger import Counters, Entry, Ledger
from .link import Link
from .mailbox import ROOM, Mailbox, Postbox
from .message import Message
from .request import check_tokens, stream_url
from .taker import Box, hand_over
from .tasks import end
from .text import TextWire
from .tick import Tick
from .typed import TypedWire
from .wire import Ack, Hub, Wire

_STABLE = 5.0          # seconds after which a connection starts the back-off anew
_BEHIND_EVERY = 0.1    # seconds between looks at whether messages that were left have room

OnTick = Callable[[Tick], Any]
OnMessage = Callable[[Message], Any]
OnEvent = Callable[[dict[str, Any]], Any]

log = logging.getLogger("azira_client")


class SubscribeToToken(Asking):
    """Ticks of tokens. Use it in one of three ways:

        async with SubscribeToToken(…) as stream:     # asyncio
            async for tick in stream: …

        for tick in SubscribeToToken(…): …            # no asyncio

        SubscribeToToken(…, on_tick=print).run()      # blocks until stop()

    bearer is a text, the answer of a login, or a callable that gives one (an
    AuthClient's keeper, also async): it is asked before every connect. A lost
    connection is made anew after a jittered pause and goes on where it was. When
    that is pointless, by the code of the close or of a refusal, the iteration, run
    or wait raises why.

    The reader never waits for the consumer: room ticks wait in order, and when more
    come, only the newest of each token is kept. A plain on_tick is called in a thread
    of its own, in run() in the caller's; an async one in the event loop. on_event
    gets everything but ticks and messages, as dicts with a "type": those of the typed
    dialects, "connected", "lost"; it is called in the event loop and must not block.

    Messages to the account come with the typed dialects unless messages is False, and in
    text if it is True. on_message gets them, plain in a thread of its own or async, or
    messages() gives them. They need not be taken: 256 wait, the others stay with the server
    until those are acknowledged.
    """

    def __init__(self, server: str, username: str, bearer: Bearer,
                 tokens: Union[str, Iterable[str]], on_tick: Optional[OnTick] = None, *,
                 dialect: str = TEXT, on_event: Optional[OnEvent] = None, mode: str = "full",
                 snapshot: bool = True, max_rate: Optional[float] = None,
                 hb_ms: Optional[int] = None, messages: Optional[bool] = None,
                 on_message: Optional[OnMessage] = None, room: int = ROOM,
                 backoff: tuple[float, float] = (PAUSE_MIN, PAUSE_MAX)):
        if dialect not in (TEXT, JSON, BINARY):
            raise ValueError(f"dialect must be {TEXT}, {JSON} or {BINARY}")
        self.dialect = dialect
        self._url = stream_url(parse_server(server), username, hb_ms, messages)
        self._credential = Credential(bearer)
        self._on_tick = on_tick
        self._on_event = on_event
        self._on_message = on_message
        self._has_messages = bool(messages) if dialect == TEXT else messages is not False
        self._roster = False  # it is wanted, on each connection anew
        self._options = self._checked(mode, snapshot, max_rate)
        self._ledger = Ledger()
        for token in check_tokens(tokens):
            self._ledger.want(token, self._options)
        self._box = Mailbox(room)
        self._post = Postbox()
        self._backoff = Backoff(*backoff)
        self.welcome: dict[str, Any] = {}
        self.feed: Optional[str] = None    # "live", "stale", "down"; None = not told
        self.age_ms: Optional[int] = None  # of the feed's newest tick
        self.failed: dict[str, tuple[int, str]] = {}
        self.error: Optional[BaseException] = None  # why the stream has ended
        self._drained = False     # the server said that it goes, and when to come back:
        self._not_before = 0.0    # by the monotonic clock
        self._loop: Optional[asyncio.AbstractEventLoop] = None
        self._main: Optional[asyncio.Task[None]] = None
        self._taker: Optional[asyncio.Task[None]] = None
        self._poster: Optional[asyncio.Task[None]] = None
        self._live: Optional[Wire] = None
        self._turned: Optional[asyncio.Event] = None  # set while live or ended
        self._stopping = False

    def __repr__(self) -> str:
        state = "connected" if self.connected else "ended" if self.error else "not connected"
        return f"<SubscribeToToken {self._url} {self.dialect} {state}>"

    @property
    def connected(self) -> bool:
        """Whether there is a connection on which all is subscribed."""
        return self._live is not None

    @property
    def tokens(self) -> list[str]:
        """Those wanted, whether or not there is a connection."""
        return list(self._ledger.entries)

    @property
    def epoch(self) -> Optional[int]:
        return self._ledger.epoch

    @property
    def counters(self) -> Counters:
        self._ledger.counters.conflated = self._box.conflated
        return self._ledger.counters

    @property
    def problems(self) -> list[str]:
        """What speaks against completeness, the first few in words."""
        return list(self._ledger.problems)

    def complete(self) -> Optional[bool]:
        """True: every tick published by the last hb came or was told missing. False: some were
        lost or came twice. None: not proved, for want of an hb, or of a connection; or in text."""
        return self._ledger.complete()

    def proof(self, token: str) -> Optional[Entry]:
        """A token's account: base + received + skipped + gapped = last."""
        return self._ledger.entries.get(token)

    async def start(self) -> None:
        """Begins to connect, in the running event loop."""
        if self._loop is not None:
            raise RuntimeError("a stream is started once")
        self._main = asyncio.ensure_future(self._supervise())
        if self._on_tick is not None:
            self._taker = asyncio.ensure_future(self._take(self._box, self._on_tick))
        await asyncio.sleep(0)

    async def close(self) -> None:
        """Ends the stream with its tasks and threads. Not from on_tick: see stop."""
        self.stop()
        await end(self._cancel, self._main, self._taker, self._poster)

    def stop(self) -> None:
        """Ends the stream soon. Any thread, also from on_tick."""
        self._stopping = True
        self._box.end(drop=True)
        self._post.end(drop=True)
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._cancel)

    async def wait(self) -> None:
        """Waits for the end of a stream with on_tick, and raises why unless closed."""
        if self._main is None:
            await self.start()
        parts = (self._main, self._taker, self._poster)
        await asyncio.wait([t for t in parts if t is not None])
        self._raise()

    def run(self) -> None:
        """Blocks until stop() or the end, and raises why. Ctrl-C raises as ever."""
        if self._on_tick is not None and is_async(self._on_tick):
            asyncio.run(self._run_async())
            return
        with contextlib.closing(iter(self)) as ticks:
            for tick in ticks:
                if self._on_tick is not None:
                    self._on_tick(tick)

    async def messages(self) -> AsyncIterator[Message]:
        """Messages as they come, until the stream has ended."""
        if self._on_message is not None:
            raise RuntimeError("messages go to on_message")
        while (message := await self._post.aget()) is not None:
            yield message
        self._raise()

    @property
    def messages_left(self) -> int:
        """Messages left with the server, because too many waited here."""
        return self._post.left

    async def __aenter__(self) -> SubscribeToToken:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def __aiter__(self) -> SubscribeToToken:
        return self

    async def __anext__(self) -> Tick:
        if self._on_tick is not None:
            raise RuntimeError("ticks go to on_tick")
        if self._main is None and not self._stopping:
            await self.start()
        tick = await self._box.aget()
        if tick is None:
            self._raise()
            raise StopAsyncIteration
        return tick

    def __iter__(self) -> Generator[Tick, None, None]:
        if self._loop is not None:
            raise RuntimeError("a stream is started once")
        thread = threading.Thread(target=lambda: asyncio.run(self._supervise()),
                                  name="azira-stream", daemon=True)
        thread.start()
        try:
            while (tick := self._box.get()) is not None:
                yield tick
        finally:
            self.stop()
            thread.join()
        self._raise()

    async def _run_async(self) -> None:
        async with self:
            await self.wait()

    async def _supervise(self) -> None:
        """Makes connections until one ends for good."""
        self._loop = asyncio.get_running_loop()
        self._main = asyncio.current_task()
        self._turned = asyncio.Event()
        if self._on_message is not None:
            self._poster = asyncio.ensure_future(self._take(self._post, self._on_message))
        try:
            while not self._stopping:
                began = time.monotonic()
                error = await self._connection()
                if time.monotonic() - began >= _STABLE:
                    self._backoff.reset()
                if not self._worth_while(error):
                    raise error
                await self._pause(error)
        except asyncio.CancelledError:
            pass
        except Exception as e:
            self.error = self.error or e
        finally:
            self._live = None
            self._turned.set()
            self._box.end()
            self._post.end()

    async def _connection(self) -> Exception:
        """Lives through one connection and returns why it ended, or was not made."""
        assert self._turned is not None
        turned = self._turned
        try:
            conn = await dial(self._url, await self._credential.get(),
                              None if self.dialect == TEXT else self.dialect)
        except AziraError as e:
            return e
        late: list[asyncio.Task[None]] = []

        def post(message: Message) -> None:
            if self._post.put(message):
                late.append(asyncio.ensure_future(self._catch_up(wire)))

        self._post.begin()
        hub = Hub(self._ledger, self._box.put, self._event, post, self._has_messages,
                  lambda: self._roster)
        wire = self._speak(conn, hub)

        def up(ack: Ack) -> None:
            self._restored(ack)
            self._live = wire
            self._credential.accepted()
            self._ledger.counters.connects += 1
            turned.set()
            self._event({"type": "connected"})

        try:
            return await Link(conn, wire).last(up)
        finally:
            for task in late:
                task.cancel()
            self._lose(wire)
            if not self._stopping:
                self._ledger.proved = self.feed = self.age_ms = None

    async def _catch_up(self, wire: Wire) -> None:
        """Ends a connection that left messages with the server, as soon as another would
        bring them."""
        while not self._post.behind():
            await asyncio.sleep(_BEHIND_EVERY)
        await wire.leave()

    def _speak(self, conn: Conn, hub: Hub) -> Wire:
        if self.dialect == TEXT:
            return TextWire(conn, hub)
        return TypedWire(conn, hub)

    def _restored(self, ack: Ack) -> None:
        """Gives up tokens that never were; keeps those that were held before."""
        self.failed = dict(ack.failed)
        for token in ack.failed:
            e = self._ledger.entries.get(token)
            if e is not None and e.epoch is None:
                self._ledger.drop(token)
        if ack.failed and not ack.ok and not self._ledger.entries:
            raise Refused("subscribe", "all tokens were refused", tokens=ack.failed)
        for token, (code, words) in ack.failed.items():
            log.warning("%s is not subscribed: %s (%d)", token, words, code)

    def _worth_while(self, error: Exception) -> bool:
        if self._credential.is_to_blame(error):
            return self._credential.replace()
        return retryable(error)

    async def _pause(self, error: Exception) -> None:
        if self._drained:  # the server has spread its clients itself
            self._backoff.reset()
            pause = max(self._not_before - time.monotonic(), 0.0)
        else:
            pause = self._backoff.next(getattr(error, "retry_after", None) or 0.0)
        self._drained = False
        log.warning("%s; trying again in %.2g s", error, pause)
        self._event({"type": "lost", "error": error, "retry_in": pause})
        await asyncio.sleep(pause)

    def _event(self, event: dict[str, Any]) -> None:
        kind = event["type"]
        if kind == "welcome":
            self.welcome = event
        elif kind == "hb":
            self.feed, self.age_ms = event.get("feed"), event.get("age_ms")
        elif kind == "drain":
            self._drained = True
            self._not_before = time.monotonic() + int(event["reconnect_after_ms"]) / 1000
        if self._on_event is None:
            return
        try:
            self._on_event(event)
        except Exception as e:  # as if on_tick had raised it
            self.error = self.error or e
            self.stop()

    async def _take(self, box: Box[Any], callback: Callable[[Any], Any]) -> None:
        """Hands what comes to a callback until the end; what it raises ends the stream."""
        try:
            await hand_over(box, callback)
        except Exception as e:
            self.error = e
            self.stop()

    def _cancel(self) -> None:
        if self._main is not None:
            self._main.cancel()
        if self._taker is not None and is_async(self._on_tick):
            self._taker.cancel()
        if self._poster is not None and is_async(self._on_message):
            self._poster.cancel()
