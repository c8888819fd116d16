"""Reconnects of typed streams: nothing missed, nothing doubled; when, and whether."""

import asyncio
import unittest

import support
from support import StreamCase, eventually, needs_websockets, take

from azira_client import ApiError, JSON, StreamClosed, SubscribeToToken, reconnects

if support.websockets:
    import fake
    from fake import Typed

FAST = (0.01, 0.05)


def typed(server, tokens="A,B", bearer=None, **more):
    more.setdefault("backoff", FAST)
    return SubscribeToToken(server.url, "u", bearer or fake.BEARER, tokens, dialect=JSON, **more)


@needs_websockets
class Resume(StreamCase):
    def setUp(self):
        super().setUp()
        quiet = self.assertLogs("azira_client", "WARNING")
        quiet.__enter__()
        self.addCleanup(lambda: quiet.__exit__(ValueError, None, None))  # logs or none

    async def test_cuts_lose_and_double_nothing(self):
        """A server that goes on publishing and cuts the connection every few ticks."""
        published = {"A": 10, "B": 20}

        async def script(ws):
            s = Typed(ws)
            await s.welcome()
            r = await s.request()
            at = dict(r.get("from") or published)
            self.assertEqual(r.get("epoch"), 1000 if "from" in r else None)
            await s.ack(r, [(t, i, n) for i, (t, n) in enumerate(at.items())])
            sent = 0
            while sent < 7:
                for t in at:
                    published[t] += 1
                    while at[t] < published[t] and sent < 7:
                        at[t] += 1
                        sent += 1
                        await s.tick(t, at[t])
                    published[t] += 1
            await s.hb(sum(at.values()))
            ws.transport.abort()

        async with fake.Server(script) as server:
            async with typed(server) as stream:
                got = await take(stream, 60)
                await eventually(lambda: stream.counters.connects > 6)
                for token in "AB":
                    seqs = [t.seq for t in got if t.token == token]
                    self.assertEqual(seqs, list(range(seqs[0], seqs[0] + len(seqs))))
                c = stream.counters
                self.assertEqual((c.lost, c.doubled, c.gapped), (0, 0, 0))
                self.assertIsNot(stream.complete(), False, stream.problems)
            await self.nothing_left()

    async def test_gap_in_the_ring(self):
        async def first(ws):
            s = Typed(ws)
            await s.begin(seq=40)
            await s.tick("A", 41)
            ws.transport.abort()

        async def second(ws):
            s = Typed(ws)
            r = await s.begin()
            self.assertEqual((r["epoch"], r["from"]), (1000, {"A": 41, "B": 40}))
            await s.send(type="gap", token="A", **{"from": 42}, to=50, reason="ring")
            await s.tick("A", 51, "snap")
            await s.tick("B", 41)
            await s.send(type="gap", token="B", **{"from": 7}, to=9, reason="feed")
            await s.tick("B", 42)
            await s.hb(51 + 42)
            await fake.stay(ws)

        async with fake.Server(first, second) as server:
            async with typed(server) as stream:
                got = await take(stream, 4)
                self.assertEqual([(t.seq, t.snap, t.missed) for t in got],
                                 [(41, False, 0), (51, True, 9), (41, False, 0), (42, False, 3)])
                await eventually(stream.complete)
                c = stream.counters
                self.assertEqual((c.received, c.gapped, c.feed_gapped), (4, 9, 3))
                self.assertTrue(stream.proof("A").balanced)

    async def test_another_epoch(self):
        async def first(ws):
            s = Typed(ws)
            await s.begin(seq=40)
            await s.tick("A", 41)
            await ws.close(1012)

        async def second(ws):
            s = Typed(ws, epoch=2000)
            await s.welcome()
            r = await s.request()
            self.assertEqual((r["epoch"], r["from"]), (1000, {"A": 41, "B": 40}))
            await s.ack(r, [("A", 0, 6), ("B", 1, 0)])
            await s.send(type="gap", token="A", **{"from": 1}, to=5, reason="epoch")
            await s.tick("A", 6, "snap")
            await s.send(type="gap", token="B", **{"from": 1}, to=-1, reason="epoch")
            await s.tick("B", 0, "snap")
            await s.tick("B", 1)
            await s.hb(6 + 1)
            ws.transport.abort()

        async def third(ws):
            s = Typed(ws, epoch=2000)
            r = await s.begin()
            self.assertEqual((r["epoch"], r["from"]), (2000, {"A": 6, "B": 1}))
            await s.hb(6 + 1)
            await fake.stay(ws)

        async with fake.Server(first, second, third) as server:
            async with typed(server) as stream:
                got = await take(stream, 4)
                self.assertEqual([(t.token, t.seq) for t in got],
                                 [("A", 41), ("A", 6), ("B", 0), ("B", 1)])
                self.assertEqual(got[1].missed, 5)
                await eventually(lambda: stream.counters.connects == 3 and stream.complete())
                self.assertEqual(stream.counters.gapped, 5)
                self.assertTrue(stream.proof("A").balanced and stream.proof("B").balanced)

    async def test_from_beyond_is_subscribed_anew(self):
        async def first(ws):
            await Typed(ws).begin(seq=40)
            ws.transport.abort()

        async def second(ws):
            s = Typed(ws)
            await s.welcome()
            r = await s.request()
            await s.ack(r, [("A", 0, 40)], [("B", 107, "from is beyond")])
            r = await s.request()
            self.assertEqual((r["tokens"], "from" in r), (["B"], False))
            await s.ack(r, [("B", 1, 3)])
            await s.tick("B", 4)
            await fake.stay(ws)

        async with fake.Server(first, second) as server:
            async with typed(server) as stream:
                self.assertEqual((await take(stream, 1))[0].seq, 4)
                self.assertIs(stream.complete(), False)

    async def test_drain_waits_for_its_instant(self):
        async def going(ws):
            s = Typed(ws)
            await s.begin()
            await s.send(type="drain", reconnect_after_ms=500, deadline_ms=100)
            await asyncio.sleep(0.1)
            await ws.close(1012)

        async def next_one(ws):
            await Typed(ws).begin(seq=1)
            await fake.stay(ws)

        async with fake.Server(going, next_one) as server:
            async with typed(server) as stream:
                await eventually(lambda: stream.counters.connects == 2)
            self.assertGreaterEqual(server.times[1] - server.times[0], 0.5)
            self.assertLess(server.times[1] - server.times[0], 2)

    async def test_retry_after(self):
        async def script(ws):
            await Typed(ws).begin()
            await fake.stay(ws)

        async with fake.Server((503, [("Retry-After", "1")]), (429, []), script) as server:
            async with typed(server) as stream:
                await eventually(lambda: stream.connected)
            self.assertGreaterEqual(server.times[1] - server.times[0], 1)
            self.assertLess(server.times[2] - server.times[1], 0.5)
            await self.nothing_left()

    async def test_without_a_connection_nothing_is_known(self):
        async def proved(ws):
            s = Typed(ws)
            await s.begin(seq=3)
            await s.hb(6)
            await asyncio.sleep(0.2)
            await ws.close(1012)

        refused = (503, [("Retry-After", "1")], b'{"detail":"The server is starting"}')
        events = []
        async with fake.Server(proved, refused) as server:
            with self.assertLogs("azira_client", "WARNING") as logs:
                async with typed(server, on_event=events.append) as stream:
                    await eventually(lambda: stream.complete())
                    self.assertEqual(stream.feed, "live")
                    await eventually(lambda: len(server.times) > 1)
                    self.assertEqual((stream.connected, stream.complete(), stream.feed),
                                     (False, None, None))
                    await eventually(lambda: sum(e["type"] == "lost" for e in events) > 1)
                    error, pause = events[-1]["error"], events[-1]["retry_in"]
                    self.assertEqual((error.status, error.detail),
                                     (503, "The server is starting"))
                    self.assertTrue(1 <= pause <= 1.25, pause)
            self.assertIn("The server is starting", "".join(logs.output))
            await self.nothing_left()

    async def test_close_codes(self):
        for code in (1001, 1002, 1003, 1007, 1008, 1009, 1011, 1012, 1013, 3008, 3501, 3503,
                     3507, 4000):
            async def script(ws):
                await Typed(ws).begin()
                await ws.close(code)

            async with fake.Server(script) as server:
                async with typed(server) as stream:
                    if reconnects(code):
                        await eventually(lambda: stream.counters.connects > 1)
                        continue
                    with self.assertRaises(StreamClosed) as caught:
                        await take(stream, 1)
                self.assertEqual((caught.exception.code, len(server.opened)), (code, 1))
            await self.nothing_left()
        self.assertEqual([c for c in range(1000, 5000) if reconnects(c)],
                         [1001, 1006, 1011, 1012, 1013, 3005, 3008])

    async def test_bearers(self):
        asked = []

        async def script(ws):
            await Typed(ws).begin()
            if len(asked) < 3:
                await ws.close(3005, "expired")
            await fake.stay(ws)

        def bearer():
            asked.append(1)
            return f"b{len(asked)}"

        async with fake.Server((401, []), script) as server:
            async with typed(server, bearer=bearer) as stream:
                await eventually(lambda: stream.counters.connects == 2)
            self.assertEqual([h["Authorization"] for _, h in server.opened],
                             ["Bearer b1", "Bearer b2", "Bearer b3"])
        for given, attempts in ((bearer, 2), ("fixed", 1)):
            async with fake.Server((403, [])) as server:
                async with typed(server, bearer=given) as stream:
                    with self.assertRaises(ApiError) as caught:
                        await take(stream, 1)
                self.assertEqual((caught.exception.status, len(server.opened)), (403, attempts))
        await self.nothing_left()

    async def test_silence(self):
        async def silent(ws):
            s = Typed(ws, hb_ms=100)
            await s.begin()
            await fake.stay(ws)

        async def beating(ws):
            s = Typed(ws, hb_ms=100)
            await s.begin()
            while True:
                await s.hb(0)
                await asyncio.sleep(0.1)

        async with fake.Server(silent, beating) as server:
            async with typed(server) as stream:
                await eventually(lambda: stream.complete())
                await asyncio.sleep(1)
                self.assertEqual(len(server.opened), 2)
            self.assertLess(server.times[1] - server.times[0], 2)
            await self.nothing_left()


if __name__ == "__main__":
    unittest.main()
