"""The text dialect, against a fake server."""

import asyncio
import json
import threading
import time
import unittest

import support
from support import StreamCase, eventually, needs_websockets, take

from azira_client import Refused, StreamClosed, SubscribeToToken

if support.websockets:
    import fake

FAST = (0.01, 0.05)


def ticks(token, *numbers):
    return [{"token": token, "ltp": n + 0.5} for n in numbers]


@needs_websockets
class TextStream(StreamCase):
    def stream(self, server, tokens="A,B", **more):
        more.setdefault("backoff", FAST)
        return SubscribeToToken(server.url, "Zoë", fake.BEARER, tokens, **more)

    async def test_ticks(self):
        async def script(ws):
            await fake.text(ws, *ticks("A", 1, 2))
            await fake.stay(ws)

        async with fake.Server(script) as server:
            async with self.stream(server) as stream:
                got = await take(stream, 2)
                self.assertEqual([t.data for t in got], ticks("A", 1, 2))
                self.assertEqual(json.loads(got[0].frame), got[0].data)
                self.assertEqual(str(got[1].ltp), "2.5")
                self.assertIsNone(got[0].seq)
                self.assertIsNone(stream.complete())
                self.assertEqual(stream.counters.received, 2)
                self.assertTrue(stream.connected)
                self.assertNotIn(fake.BEARER, repr(stream) + repr(got))
            path, headers = server.opened[0]
            self.assertEqual(path, "/api/trigger/ws/Zo%C3%AB")
            self.assertEqual(headers["Authorization"], "Bearer " + fake.BEARER)
            self.assertNotIn("Sec-WebSocket-Protocol", headers)
            await self.nothing_left()

    async def test_unknown_token_is_refused(self):
        async def script(ws):
            await ws.recv()
            await ws.send("Tokens not found: B")
            await ws.close(1008)

        async with fake.Server(script) as server:
            async with self.stream(server) as stream:
                with self.assertRaises(Refused) as caught:
                    await take(stream, 1)
            self.assertEqual(caught.exception.tokens, {"B": (102, "unknown token")})
            self.assertEqual(len(server.opened), 1)
            await self.nothing_left()

    async def test_subscribe_and_unsubscribe(self):
        async def script(ws):
            await fake.text(ws)
            self.assertEqual(await ws.recv(), "subscribe|C")
            await ws.send("Subscribed to tokens: C")
            self.assertEqual(await ws.recv(), "unsubscribe|A,B")
            await ws.send("Unsubscribed from tokens: A, B")
            self.assertEqual(await ws.recv(), "subscribe|no such")
            await ws.send("Tokens not found: no such")
            await ws.close(1008)

        async with fake.Server(script) as server:
            async with self.stream(server) as stream:
                self.assertEqual((await stream.subscribe("C")).ok, {"C": None})
                self.assertEqual((await stream.unsubscribe("A", "B")).count, 1)
                self.assertEqual(stream.tokens, ["C"])
                with self.assertRaises(Refused):
                    await stream.subscribe("no such")
                with self.assertRaises(Refused):
                    await take(stream, 1)

    async def test_reconnects_and_subscribes_again(self):
        async def broken(ws):
            await fake.text(ws, *ticks("A", 1))
            ws.transport.abort()

        async def going(ws):
            await fake.text(ws, *ticks("A", 2))
            await ws.close(1001)

        async def last(ws):
            await fake.text(ws, *ticks("A", 3))
            await ws.close(3501, "logged out")

        events = []
        async with fake.Server(broken, going, last) as server:
            stream = self.stream(server, on_event=events.append)
            with self.assertLogs("azira_client", "WARNING"):
                async with stream:
                    got = await take(stream, 3)
                    with self.assertRaises(StreamClosed) as caught:
                        await take(stream, 1)
            self.assertEqual([t.data["ltp"] for t in got], [1.5, 2.5, 3.5])
            self.assertEqual((caught.exception.code, caught.exception.reason),
                             (3501, "logged out"))
            self.assertEqual([e["type"] for e in events],
                             ["connected", "lost", "connected", "lost", "connected"])
            self.assertEqual(stream.counters.connects, 3)
            await self.nothing_left()

    async def test_silence_is_a_dead_connection(self):
        from azira_client.text import TextWire

        async def silent(ws):
            await fake.text(ws, *ticks("A", 1))
            ws.pong = lambda *_: asyncio.sleep(0)  # it says nothing at all any more
            await fake.stay(ws)

        async def alive(ws):
            await fake.text(ws, *ticks("A", 2))
            await fake.stay(ws)

        before, TextWire.silence = TextWire.silence, 0.4
        try:
            async with fake.Server(silent, alive) as server:
                async with self.stream(server) as stream:
                    with self.assertLogs("azira_client", "WARNING") as logs:
                        await take(stream, 2)
                    self.assertIn("nothing was heard", logs.output[0])
                    await asyncio.sleep(1)  # pongs keep the second
                    self.assertEqual(len(server.opened), 2)
        finally:
            TextWire.silence = before

    async def test_slow_consumer(self):
        async def script(ws):
            await fake.text(ws, *(t for n in range(1000) for t in
                                  ({"token": "A", "ltp": n}, {"token": "B", "ltp": n})))
            await fake.stay(ws)

        async with fake.Server(script) as server:
            async with self.stream(server, room=10) as stream:
                await eventually(lambda: stream.counters.received == 2000)
                got = await take(stream, 1)
                while [t.data["ltp"] for t in got[-2:]] != [999, 999]:
                    got += await take(stream, 1)
                self.assertLessEqual(len(got), 20)
                self.assertEqual(len(got) + sum(t.missed for t in got), 2000)
                self.assertEqual(stream.counters.conflated, 2000 - len(got))

    async def test_plain_callback_may_block(self):
        async def script(ws):
            await fake.text(ws, *ticks("A", *range(300)))
            await fake.stay(ws)

        got, threads = [], set()

        def slow(tick):
            threads.add(threading.current_thread())
            time.sleep(0.2)
            got.append(tick)

        async with fake.Server(script) as server:
            async with self.stream(server, on_tick=slow, room=10) as stream:
                began = time.monotonic()
                await eventually(lambda: stream.counters.received == 300)
                self.assertLess(time.monotonic() - began, 5)
                await eventually(lambda: got and got[-1].data["ltp"] == 299.5)
                self.assertNotIn(threading.current_thread(), threads)
                with self.assertRaises(RuntimeError):
                    await stream.__anext__()
            await self.nothing_left()

    async def test_async_callback_and_its_error(self):
        async def script(ws):
            await fake.text(ws, *ticks("A", 1, 2, 3))
            await fake.stay(ws)

        got = []

        async def on_tick(tick):
            got.append(tick)
            if len(got) == 2:
                raise LookupError("mine")

        async with fake.Server(script) as server:
            with self.assertRaisesRegex(LookupError, "mine"):
                await self.stream(server, on_tick=on_tick).wait()
            await self.nothing_left()

    async def test_run_and_iteration_without_asyncio(self):
        async def script(ws):
            await fake.text(ws, *ticks("A", *range(5)))
            await fake.stay(ws)

        async with fake.Server(script) as server:
            def by_run():
                got = []
                stream = self.stream(server, on_tick=lambda t: (got.append(t), len(got) == 5
                                                                and stream.stop()))
                stream.run()
                return got

            def by_for():
                got = []
                for tick in self.stream(server):
                    got.append(tick)
                    if len(got) == 5:
                        return got

            for way in (by_run, by_for):
                got = await asyncio.wait_for(asyncio.to_thread(way), support.TIMEOUT)
                self.assertEqual([t.data for t in got], ticks("A", *range(5)))
            await self.nothing_left()

    async def test_close_while_it_cannot_connect(self):
        with self.assertLogs("azira_client", "WARNING"):
            stream = SubscribeToToken(f"http://127.0.0.1:{support.unused_port()}", "u", "b", "A",
                                      backoff=FAST)
            async with stream:
                await asyncio.sleep(0.2)
        self.assertIsNone(stream.error)
        await self.nothing_left()

    def test_bad_arguments(self):
        for server, tokens, more in [
                ("127.0.0.1:8000", "A", {}), ("http://u:p@h", "A", {}), ("http://h", "", {}),
                ("http://h", ["A|B"], {}), ("http://h", "A", {"dialect": "v2"}),
                ("http://h", "A", {"mode": "ltp"}), ("http://h", "A", {"room": 0}),
                ("http://h", ["x" * 65], {})]:
            with self.assertRaises(ValueError, msg=(server, tokens, more)):
                SubscribeToToken(server, "u", "b", tokens, **more)


if __name__ == "__main__":
    unittest.main()
