"""The typed dialects azira.v1.json and azira.v1.bin: one JSON object to a text
frame; in the second, ticks and snaps are binary records.

Answers carry the id of their request and come in pieces, of which all but the last
say "more". What a piece says holds at once, because ticks may follow it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
from dataclasses import dataclass, field
from typing import Any, Iterable, Iterator, Mapping, Optional, Union

from . import binary
from .dial import Conn
from .errors import Refused, clean
from .ledger import Entry
from .message import parse_message
from .tick import Tick
from .wire import Ack, Hub, Options, answer_of, split

_WELCOME_TIMEOUT = 10.0
_HB_MS = 5000            # until welcome says
_SILENT_BEATS = 3
_BEGIN_BYTES = 512       # of a request around its tokens
_SUBSCRIBE_BYTES = 64 << 10
_FRAME_BYTES = 4096
_NUMBER_BYTES = 24       # of a from beside its name, and quotes
_RETRY_MS = 1000         # until a request that was too early is sent again, if not told
_SPREAD = 0.25           # of that pause, added at random
_BAD_REQUEST, _TOO_MANY = 107, 111

Event = dict[str, Any]


@dataclass
class _Pending:
    ack: Ack
    waiter: asyncio.Future[Ack]
    resumed: frozenset[str] = field(default_factory=frozenset)


class TypedWire:
    """One connection in a typed dialect."""

    pings = False
    refused: Optional[Refused] = None  # no refusal closes a typed stream
    left = False

    def __init__(self, conn: Conn, hub: Hub):
        self._conn = conn
        self._hub = hub
        self._ledger = hub.ledger
        self._pending: dict[str, _Pending] = {}
        self._number = 0
        self._turn = asyncio.Lock()  # one request at a time, in the order they were made
        self._welcome: asyncio.Future[Event] = asyncio.get_running_loop().create_future()
        self.silence = _SILENT_BEATS * _HB_MS / 1000
        self._limits: dict[str, Any] = {}
        self._missed = 0  # messages, before the next one

    async def greet(self) -> None:
        await answer_of(self._welcome, _WELCOME_TIMEOUT)

    async def restore(self) -> Ack:
        """Goes on with each token where it was, in the epoch of which that was."""
        whole = Ack("subscribe")
        for options, epoch, entries in self._groups():
            known = epoch is not None
            for names in self._parts([e.token for e in entries], _NUMBER_BYTES if known else 3):
                await self._resubscribe(whole, names, options, epoch)
        if self._hub.wants_roster():
            with contextlib.suppress(Refused):
                await self.request("roster", on=True)
        return whole

    async def leave(self) -> None:
        self.left = True
        await self._conn.close()

    async def subscribe(self, tokens: Iterable[str], options: Options) -> Ack:
        whole = Ack("subscribe")
        for names in self._parts(tokens, 3):
            _merge(whole, await self.request("subscribe", tokens=names, **options))
        return whole

    async def unsubscribe(self, tokens: Iterable[str]) -> Ack:
        whole = Ack("unsubscribe")
        room = int(self._limits.get("frame_bytes", _FRAME_BYTES)) - _BEGIN_BYTES
        for names in split(tokens, room, 8):
            _merge(whole, await self.request("unsubscribe", tokens=names))
        return whole

    async def unsubscribe_all(self) -> Ack:
        ack = await self.request("unsubscribe", tokens="*")
        for token in list(self._ledger.entries):  # also those that were not held just now
            self._ledger.drop(token)
        return ack

    async def request(self, op: str, **fields: Any) -> Ack:
        """Sends one request and waits for its whole answer. One that came too early
        for the server is sent again when the server said, as long as it says so; others
        wait behind it."""
        async with self._turn:
            while True:
                try:
                    return await self._ask(op, fields)
                except _Early as e:
                    await asyncio.sleep(e.pause * random.uniform(1, 1 + _SPREAD))

    async def _ask(self, op: str, fields: Mapping[str, Any]) -> Ack:
        self._number += 1
        name = f"r{self._number}"
        waiter = asyncio.get_running_loop().create_future()
        resumed = frozenset(fields.get("from", ()))
        self._pending[name] = _Pending(Ack(op), waiter, resumed)
        text = json.dumps({"op": op, "id": name, **fields}, ensure_ascii=False,
                          separators=(",", ":"))
        await self._conn.send(text)
        ack: Ack = await answer_of(waiter)
        return ack

    def handle(self, message: Union[str, bytes]) -> None:
        try:
            if isinstance(message, bytes):
                self._record(message)
                return
            event = json.loads(message)
            take = _TAKES.get(event["type"])
            if take is not None:
                take(self, event, message)
        except (ValueError, KeyError, TypeError, AttributeError) as e:
            self._ledger.counters.bad += 1
            self._ledger.problem(f"a frame that cannot be read: {type(e).__name__} {e}")

    def fail(self, error: Exception) -> None:
        waiters: list[asyncio.Future[Any]] = [p.waiter for p in self._pending.values()]
        for waiter in [*waiters, self._welcome]:
            if not waiter.done():
                waiter.set_exception(error)
                waiter.exception()  # it is told by other ways too
        self._pending.clear()

    def _groups(self) -> Iterator[tuple[Options, Optional[int], list[Entry]]]:
        groups: dict[tuple[str, Optional[int]], list[Entry]] = {}
        for e in self._ledger.entries.values():
            groups.setdefault((json.dumps(e.options, sort_keys=True), e.epoch), []).append(e)
        for (_, epoch), entries in groups.items():
            yield entries[0].options, epoch, entries

    async def _resubscribe(self, whole: Ack, names: list[str], options: Options,
                           epoch: Optional[int]) -> None:
        entries = [self._ledger.entries[n] for n in names if n in self._ledger.entries]
        if epoch is None:
            _merge(whole, await self.request("subscribe", tokens=names, **options))
            return
        ack = await self.request("subscribe", epoch=epoch, **options,
                                 **{"from": {e.token: e.last for e in entries}})
        anew = [n for n, (code, _) in ack.failed.items() if code == _BAD_REQUEST]
        for name in anew:  # the server never got so far: there is nothing to go on from
            self._ledger.problem(f"{name}: not resumed: {ack.failed.pop(name)[1]}")
        _merge(whole, ack)
        if anew:
            _merge(whole, await self.subscribe(anew, options))

    def _parts(self, tokens: Iterable[str], extra: int) -> Iterator[list[str]]:
        most = int(self._limits.get("subscribe_bytes", _SUBSCRIBE_BYTES))
        return split(tokens, most - _BEGIN_BYTES, extra)

    def _record(self, message: bytes) -> None:
        r = binary.parse(message)
        e = self._ledger.refs[r.ref]
        ts = (self._ledger.epoch or 0) + r.since
        self._pass(e, r.snap, Tick(e.token, seq=r.seq, ts=ts, snap=r.snap,
                                   prices=(r.ltp, r.bid, r.ask)))

    def _on_tick(self, event: Event, message: str) -> None:
        e = self._ledger.entries[event["token"]]
        data = event.get("data")
        if not isinstance(data, dict):
            data = {"ltp": event.get("ltp")}
        snap = event["type"] == "snap"
        self._pass(e, snap, Tick(e.token, data, frame=message, seq=int(event["seq"]),
                                 ts=event.get("ts"), snap=snap))

    def _pass(self, e: Entry, snap: bool, tick: Tick) -> None:
        assert tick.seq is not None
        book = self._ledger.snap if snap else self._ledger.tick
        if book(e, tick.seq):
            tick.missed, e.missed = e.missed, 0
            self._hub.deliver(tick)

    def _on_welcome(self, event: Event, _: str) -> None:
        self._limits = event.get("limits") or {}
        self.silence = _SILENT_BEATS * int(event.get("hb_ms", _HB_MS)) / 1000
        self._ledger.connected(event["epoch"])
        if not self._welcome.done():
            self._welcome.set_result(event)
        self._hub.emit(event)

    def _on_ack(self, event: Event, _: str) -> None:
        pending = self._pending.get(event.get("id", ""))
        if pending is None:
            return
        ack, op = pending.ack, event["op"]
        for item in event.get("ok", ()):
            token = item["token"]
            ack.ok[token] = item["seq"]
            if op == "subscribe":
                self._ledger.acked(token, item["ref"], item["seq"], token in pending.resumed)
            elif op == "unsubscribe":
                self._ledger.drop(token)
            elif op == "list":
                ack.items.append(item)
        for item in event.get("failed", ()):
            ack.failed[item["token"]] = (item["code"], clean(item.get("error", "")))
        ack.count, ack.limit = event.get("count"), event.get("limit")
        self._hub.emit(event)
        if not event.get("more"):
            self._answered(event["id"], ack)

    def _answered(self, name: str, answer: Union[Ack, Exception]) -> None:
        pending = self._pending.pop(name, None)
        if pending is None or pending.waiter.done():
            return
        if isinstance(answer, Ack):
            pending.waiter.set_result(answer)
        else:
            pending.waiter.set_exception(answer)

    def _on_pong(self, event: Event, _: str) -> None:
        self._answered(event.get("id", ""), Ack("ping"))
        self._hub.emit(event)

    def _on_error(self, event: Event, _: str) -> None:
        words, code = clean(event.get("error", "")), event.get("code", 0)
        pending = self._pending.get(event.get("id", ""))
        self._hub.emit(event)
        if pending is None:
            return
        if code == _TOO_MANY:
            early = _Early(words, int(event.get("retry_ms", _RETRY_MS)) / 1000)
            self._answered(event["id"], early)
        else:
            self._answered(event["id"], Refused(pending.ack.op, words, code))

    def _on_skip(self, event: Event, _: str) -> None:
        self._ledger.skip(self._ledger.entries[event["token"]], event["count"], event["seq"])
        self._hub.emit(event)

    def _on_msg(self, event: Event, _: str) -> None:
        try:
            message = parse_message(event, self._missed)
        except (ValueError, KeyError, TypeError, AttributeError):
            self._ledger.counters.bad += 1  # it proves nothing of ticks
            return
        self._missed = 0
        self._hub.post(message)

    def _on_gap(self, event: Event, _: str) -> None:
        if "dropped" in event and "token" not in event:  # of messages: no matter of the proof
            self._missed += event["dropped"]
            self._hub.emit(event)
            return
        self._ledger.gap(self._ledger.entries[event["token"]], event["from"], event["to"],
                         event.get("reason", ""))
        self._hub.emit(event)

    def _on_hb(self, event: Event, _: str) -> None:
        self._ledger.heartbeat(event["sum"], event.get("pending", 0))
        self._hub.emit(event)

    def _on_other(self, event: Event, _: str) -> None:
        self._hub.emit(event)


class _Early(Exception):
    """A request that came too early; pause in seconds."""

    def __init__(self, words: str, pause: float):
        super().__init__(words)
        self.pause = pause


_TAKES = {
    "tick": TypedWire._on_tick, "snap": TypedWire._on_tick, "welcome": TypedWire._on_welcome,
    "ack": TypedWire._on_ack, "pong": TypedWire._on_pong, "error": TypedWire._on_error,
    "skip": TypedWire._on_skip, "gap": TypedWire._on_gap, "hb": TypedWire._on_hb,
    "drain": TypedWire._on_other, "msg": TypedWire._on_msg, "roster": TypedWire._on_other,
    "presence": TypedWire._on_other,
}


def _merge(whole: Ack, part: Ack) -> None:
    whole.ok.update(part.ok)
    whole.failed.update(part.failed)
    whole.count, whole.limit = part.count, part.limit
