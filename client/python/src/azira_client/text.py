"""The text dialect, the original's:

    subscribe|A,B ─▶   ◀─ Subscribed to tokens: A, B   ◀─ {"token":"A",…}

Ticks are told from answers by their first character, and messages, where they are
wanted, from ticks by how they begin. Answers carry no id; they come in the order of
the requests.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from typing import Any, Iterable, Optional, Union

from .dial import Conn
from .errors import Refused, clean
from .message import parse_message
from .tick import Tick
from .wire import Ack, Hub, Options, answer_of, split

_NOT_FOUND = "Tokens not found: "
_REFUSALS = ("Error:", "Unknown action: ")
_CONFIRMS = {"subscribe": "Subscribed to tokens: ", "unsubscribe": "Unsubscribed from tokens: ",
             "ack": "Acknowledged messages up to: "}
_MESSAGE, _MISSED = '{"type":"msg","id":', '{"type":"gap","dropped":'
_ROOM = {"subscribe": 120_000, "unsubscribe": 4000}  # bytes of names in one request
_CODE_UNKNOWN = 102  # as the typed dialects have it


class TextWire:
    """One connection in the text dialect."""

    silence = 60.0
    pings = True
    left = False

    def __init__(self, conn: Conn, hub: Hub):
        self._conn = conn
        self._hub = hub
        self._pending: deque[tuple[str, list[str], asyncio.Future[Ack]]] = deque()
        self.refused: Optional[Refused] = None  # the last answer, if it was one
        self._missed = 0  # messages, before the next one
        hub.ledger.connected(None)

    async def greet(self) -> None:
        pass

    async def restore(self) -> Ack:
        return await self.subscribe(list(self._hub.ledger.entries), {})

    async def subscribe(self, tokens: Iterable[str], options: Options) -> Ack:
        return await self._ask("subscribe", tokens)

    async def unsubscribe(self, tokens: Iterable[str]) -> Ack:
        return await self._ask("unsubscribe", tokens)

    async def unsubscribe_all(self) -> Ack:
        return await self.unsubscribe(list(self._hub.ledger.entries))

    async def request(self, op: str, **fields: Any) -> Ack:
        if op != "ack":
            raise Refused(op, "the text dialect has no such request")
        waiter = asyncio.get_running_loop().create_future()
        self._pending.append((op, [], waiter))
        await self._conn.send(f"ack|{fields['message']}")
        ack: Ack = await answer_of(waiter)
        return ack

    async def leave(self) -> None:
        self.left = True
        await self._conn.close()

    def handle(self, message: Union[str, bytes]) -> None:
        if self._hub.has_messages and isinstance(message, str) and \
                message.startswith((_MESSAGE, _MISSED)):
            self._message(message)
        elif isinstance(message, str) and message.startswith("{"):
            self._tick(message)
        elif isinstance(message, str):
            self._answer(message)
        else:
            self._hub.ledger.counters.bad += 1

    def fail(self, error: Exception) -> None:
        while self._pending:
            _, _, waiter = self._pending.popleft()
            if not waiter.done():
                waiter.set_exception(error)

    async def _ask(self, op: str, tokens: Iterable[str]) -> Ack:
        whole = Ack(op)
        for part in split(tokens, _ROOM[op]):
            waiter = asyncio.get_running_loop().create_future()
            self._pending.append((op, part, waiter))
            await self._conn.send(f"{op}|{','.join(part)}")
            whole.ok.update((await answer_of(waiter)).ok)
        whole.count = sum(e.held for e in self._hub.ledger.entries.values())
        return whole

    def _tick(self, message: str) -> None:
        ledger = self._hub.ledger
        try:
            data = json.loads(message)
        except ValueError:
            ledger.counters.bad += 1
            return
        token = data.get("token")
        token = token if isinstance(token, str) else ""
        ledger.counters.received += 1
        self._hub.deliver(Tick(token, data, frame=message))

    def _message(self, message: str) -> None:
        try:
            event = json.loads(message)
            if event["type"] == "gap":
                self._missed += event["dropped"]
                self._hub.emit(event)
                return
            self._hub.post(parse_message(event, self._missed))
            self._missed = 0
        except (ValueError, KeyError, TypeError, AttributeError):
            self._hub.ledger.counters.bad += 1

    def _answer(self, words: str) -> None:
        if not self._pending:
            self._hub.emit({"type": "said", "words": clean(words)})
            return
        op, tokens, waiter = self._pending[0]
        refusal = words.startswith((_NOT_FOUND, *_REFUSALS))
        if not refusal and not words.startswith(_CONFIRMS[op]):
            self._hub.emit({"type": "said", "words": clean(words)})
            return
        self._pending.popleft()
        self.refused = _refusal(op, words) if refusal else None
        if not refusal:
            self._confirmed(op, tokens)
        if waiter.done():
            return
        if self.refused is not None:
            waiter.set_exception(self.refused)
        else:
            waiter.set_result(Ack(op, dict.fromkeys(tokens)))

    def _confirmed(self, op: str, tokens: list[str]) -> None:
        ledger = self._hub.ledger
        for token in tokens:  # none of an ack
            if op == "unsubscribe":
                ledger.drop(token)
            else:
                ledger.want(token, {})
                ledger.entries[token].held = True


def _refusal(op: str, words: str) -> Refused:
    unknown: dict[str, tuple[int, str]] = {}
    if words.startswith(_NOT_FOUND):
        for name in words[len(_NOT_FOUND):].split(", "):
            unknown[clean(name)] = (_CODE_UNKNOWN, "unknown token")
    return Refused(op, clean(words), _CODE_UNKNOWN if unknown else 0, unknown)
