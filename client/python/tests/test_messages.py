"""Messages to users: streams against a fake server, and all of it against the real one."""

import asyncio
import threading
import unittest

import support
from support import StreamCase, eventually, needs_websockets

from azira_client import BINARY, JSON, TEXT, ApiError, AuthClient, Message, Refused
from azira_client import SubscribeToToken
from azira_client.mailbox import Postbox
from azira_client.message import content_fields, parse_message

if support.websockets:
    import fake
    import real
    from fake import Typed

FAST = (0.01, 0.05)
PASSWORD = "correct horse"


def msg(number, **more):
    return {"type": "msg", "id": number, "from": "acme", "ts": number, "kind": "text",
            "content": f"m{number}", **more}


async def taken(messages, count):
    return [await asyncio.wait_for(messages.__anext__(), support.TIMEOUT) for _ in range(count)]


class Parts(unittest.TestCase):
    def test_message(self):
        m = parse_message(msg(5, encoding="base64", content="AP8=", reply_to=4, group="acme",
                              redelivered=True, new=1), 2)
        self.assertEqual(m, Message(5, "acme", 5, "text", b"\0\xff", 4, "acme", True, 2))
        self.assertEqual((m.text, m.time.microsecond), ("\0\ufffd", 5))
        for bad in ({"id": "5"}, {"encoding": "rot13"}, {"encoding": "base64"}, {"from": 7}):
            with self.assertRaises((ValueError, TypeError)):
                parse_message(msg(5, **bad))
        self.assertEqual(content_fields("é"), {"content": "é"})
        self.assertEqual(content_fields("é".encode()), {"content": "é"})
        self.assertEqual(content_fields(b"\xff"), {"content": "/w==", "encoding": "base64"})

    def test_postbox(self):
        box = Postbox(room=2)
        left = [box.put(parse_message(msg(number))) for number in range(1, 6)]
        self.assertEqual(left, [False, False, True, False, False])
        self.assertEqual((len(box), box.left), (2, 3))
        self.assertEqual([box.get().id, box.get().id], [1, 2])
        box.put(parse_message(msg(6)))  # not behind those that were left
        self.assertEqual((len(box), box.left), (0, 4))
        self.assertFalse(box.behind())
        box.ack(1)
        self.assertTrue(box.behind())
        box.begin()
        box.put(parse_message(msg(2)))
        self.assertFalse(box.behind())
        box.put(parse_message(msg(3)))
        self.assertTrue(box.put(parse_message(msg(4))))
        self.assertFalse(box.put(parse_message(msg(5))))
        self.assertEqual([box.get().id, box.get().id], [2, 3])
        self.assertFalse(box.behind())  # the next connection would bring the same


@needs_websockets
class Streams(StreamCase):
    def stream(self, server, **more):
        more.setdefault("dialect", JSON)
        return SubscribeToToken(server.url, "u", fake.BEARER, "A", backoff=FAST, **more)

    async def test_messages_and_acks(self):
        heard, events = [], []

        async def script(ws):
            s = Typed(ws)
            await s.begin()
            await s.send(**msg(7))
            await s.send(type="gap", dropped=12)
            await s.send(**msg(8, encoding="rot13"))
            await s.send(**msg(9))
            await s.hb(0)
            heard.append(await s.request())
            await s.ack(heard[0])
            await fake.stay(ws)

        async with fake.Server(script) as server:
            async with self.stream(server, on_event=events.append) as stream:
                got = await taken(stream.messages(), 2)
                self.assertEqual([(m.id, m.content, m.missed) for m in got],
                                 [(7, b"m7", 0), (9, b"m9", 12)])
                await stream.ack(9)
                self.assertEqual((heard[0]["op"], heard[0]["message"]), ("ack", 9))
                self.assertEqual((stream.counters.bad, stream.complete()), (1, True))
                self.assertEqual([e["dropped"] for e in events if e["type"] == "gap"], [12])
            self.assertEqual(server.opened[0][0], "/api/trigger/ws/u")
        await self.nothing_left()

    async def test_asked_for(self):
        async def script(ws):
            await fake.text(ws, {"type": "gap", "dropped": 2}, msg(5), {"type": "msg", "token": "A"})
            self.assertEqual(await ws.recv(), "ack|5")
            await ws.send("Acknowledged messages up to: 5")
            await ws.recv()
            await ws.send("Error: expected ack| and the id of a message")
            await fake.stay(ws)

        async def other(ws):
            await Typed(ws).begin()
            await fake.stay(ws)

        def compact(make):  # as the server writes
            async def sent(ws):
                send = ws.send
                ws.send = lambda text: send(text.replace(": ", ":").replace(", ", ",")
                                            if text.startswith("{") else text)
                await make(ws)
            return sent

        async with fake.Server(compact(script), other) as server:
            async with self.stream(server, dialect=TEXT, messages=True) as stream:
                got, = await taken(stream.messages(), 1)
                self.assertEqual((got.id, got.text, got.missed), (5, "m5", 2))
                self.assertEqual((await stream.__anext__()).token, "A")
                await stream.ack(5)
                for call in (stream.ack(6), stream.roster()):
                    with self.assertRaises(Refused):
                        await call
            async with self.stream(server, messages=False) as stream:
                await eventually(lambda: stream.connected)
            self.assertEqual([path.partition("?")[2] for path, _ in server.opened],
                             ["messages=1", "messages=0"])

    async def test_not_taken(self):
        """Messages wait here up to a number. The others are left, and none is passed over by
        an ack: they come on another connection."""
        acked, most = 0, 600

        async def script(ws):
            nonlocal acked
            s = Typed(ws)
            await s.begin()
            for number in range(acked + 1, most + 1):
                await s.send(**msg(number))
            while True:
                request = await s.request()
                acked = max(acked, request.get("message", 0))
                await s.ack(request)

        async with fake.Server(script) as server:
            async with self.stream(server) as stream:
                await eventually(lambda: stream.messages_left == most - 256)
                with self.assertLogs("azira_client", "WARNING") as logs:
                    number = 0
                    async for m in stream.messages():
                        if number - 15 < m.id <= number:
                            continue  # it was not acknowledged
                        number += 1
                        self.assertEqual(m.id, number)
                        if number == most:
                            break
                        if number % 15 == 0:
                            await stream.ack(number)
                self.assertIn("messages were left", logs.output[0])
                self.assertGreaterEqual(stream.counters.connects, 2)
        await self.nothing_left()

    async def test_callbacks(self):
        async def script(ws):
            s = Typed(ws)
            await s.begin()
            await s.send(**msg(1))
            await s.ack(await s.request())
            await s.send(**msg(2))
            await fake.stay(ws)

        threads = []

        def plain(m):
            threads.append(threading.current_thread().name)
            if m.id == 1:
                stream.ack_soon(1).result(support.TIMEOUT)
            else:
                stream.stop()

        async def slow(m):
            await other.ack(1)
            raise LookupError("on_message")

        async with fake.Server(script) as server:
            stream = self.stream(server, on_message=plain)
            await stream.wait()
            self.assertEqual(threads, ["azira-client"] * 2)
            other = self.stream(server, on_message=slow)
            with self.assertRaises(RuntimeError):
                await other.messages().__anext__()
            with self.assertRaises(LookupError):
                await other.wait()
            threads.clear()
            stream = self.stream(server, on_message=plain)
            await asyncio.to_thread(stream.run)
            self.assertEqual(len(threads), 2)
        await self.nothing_left()

    async def test_roster_is_asked_for_again(self):
        events, asked = [], []

        async def script(ws):
            s = Typed(ws)
            await s.begin()
            request = await s.request()
            asked.append(request["on"])
            await s.ack(request)
            await s.send(type="roster", clients=[{"client": "ana", "online": True}], more=True)
            await s.send(type="roster", clients=[], more=False, total=1)
            await s.send(type="presence", client="ana", online=False, ts=1)
            if len(asked) == 2:
                await s.ack(await s.request())
                await fake.stay(ws)
            await ws.close(1012)

        async with fake.Server(script) as server:
            async with self.stream(server, on_event=events.append) as stream:
                with self.assertLogs("azira_client", "WARNING"):
                    await stream.roster()
                    await eventually(lambda: len(asked) == 2)
                await stream.roster(False)
                kinds = [e["type"] for e in events if e["type"] in ("roster", "presence")]
                self.assertEqual(kinds, ["roster", "roster", "presence"] * 2)
        self.assertEqual(asked, [True, True])


@needs_websockets
class RealServer(StreamCase):
    @classmethod
    def setUpClass(cls):
        cls.azira = real.Azira("NSE:1")
        cls.addClassCleanup(cls.azira.close)

    async def test_all_of_it(self):
        auth = AuthClient(self.azira.url)
        await asyncio.to_thread(auth.register, "Zoë", PASSWORD)
        answer = await asyncio.to_thread(auth.login, "Zoë", PASSWORD)
        first = auth.send("Zoë", "before")
        second = auth.send("Zoë", b"\0\xff", kind="blob", reply_to=first["id"], ttl=60)
        self.assertEqual(auth.send("Zoë", "k", key="k"), auth.send("Zoë", "k", key="k"))
        with self.assertRaises(ApiError) as caught:
            auth.send("nobody", "hello")
        self.assertEqual(caught.exception.status, 403)
        want = [(b"before", "text", None), (b"\0\xff", "blob", first["id"]), (b"k", "text", None)]
        for dialect in (JSON, BINARY, TEXT):
            async with SubscribeToToken(self.azira.url, "", answer, "NSE:1", dialect=dialect,
                                        messages=True, backoff=FAST) as stream:
                got = await taken(stream.messages(), 3)
                self.assertEqual([(m.content, m.kind, m.reply_to) for m in got], want)
                self.assertEqual({m.sender for m in got}, {"Zoë"})
            await self.nothing_left()
        pages = list(auth.inbox_pages(limit=2))
        self.assertEqual([len(p.messages) for p in pages], [2, 1])
        self.assertEqual((pages[0].unread, pages[0].messages[1].id), (3, second["id"]))
        self.assertTrue(pages[0].messages[0].unread and pages[0].messages[1].expires)
        newest = [m.id for p in auth.inbox_pages(limit=1, order="newest") for m in p.messages]
        self.assertEqual(newest, [m.id for p in reversed(pages) for m in reversed(p.messages)])
        events = []
        async with SubscribeToToken(self.azira.url, "", answer, "NSE:1", dialect=JSON,
                                    on_event=events.append) as stream:
            await stream.ack(second["id"])
            await eventually(lambda: auth.inbox().unread == 1)
            auth.ack_inbox(newest[0])
            await eventually(lambda: auth.inbox().unread == 0)
            with self.assertRaises(Refused) as caught:
                await stream.ack(newest[0] + 2**40)
            self.assertEqual(caught.exception.code, 107)
            await stream.roster()
            await eventually(lambda: any(e["type"] == "roster" and not e["more"] for e in events))


if __name__ == "__main__":
    unittest.main()
