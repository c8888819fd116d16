"""The typed dialects, against a fake server: acks, proof, options, requests."""

import asyncio
import unittest
from decimal import Decimal

import support
from support import StreamCase, eventually, needs_websockets, take

from azira_client import (BINARY, JSON, DialectError, Refused, SubscribeToToken)

if support.websockets:
    import fake
    from fake import Typed

FAST = (0.01, 0.05)


def typed(server, tokens="A,B", **more):
    more.setdefault("dialect", JSON)
    more.setdefault("backoff", FAST)
    return SubscribeToToken(server.url, "u", fake.BEARER, tokens, **more)


@needs_websockets
class TypedStream(StreamCase):
    async def test_ticks_skips_and_proof(self):
        told = []

        async def script(ws):
            s = Typed(ws, expires_in=1799)
            told.append(await s.begin(seq=41))
            await s.tick("A", 41, "snap")
            await s.tick("B", 41, "snap")
            await s.tick("A", 42, pad="x")
            await s.send(type="skip", token="A", count=3, seq=46)
            await s.tick("A", 46)
            await s.send(type="surprise", x=1)
            await s.hb(46 + 41 + 2, pending=2, feed="stale")
            await fake.stay(ws)

        events = []
        async with fake.Server(script) as server:
            async with typed(server, hb_ms=500, on_event=events.append) as stream:
                got = await take(stream, 4)
                await eventually(lambda: stream.complete() is not None)
                self.assertTrue(stream.complete(), stream.problems)
                self.assertEqual([(t.token, t.seq, t.snap, t.missed) for t in got],
                                 [("A", 41, True, 0), ("B", 41, True, 0), ("A", 42, False, 0),
                                  ("A", 46, False, 3)])
                self.assertEqual(got[2].data, {"token": "A", "ltp": 42.5, "pad": "x"})
                self.assertEqual(got[2].ltp, Decimal("42.5"))
                self.assertEqual(got[2].ts, 1764289349000042)
                self.assertEqual(got[2].time.microsecond, 42)
                c = stream.counters
                self.assertEqual((c.received, c.skipped, c.gapped, c.lost), (2, 3, 0, 0))
                self.assertTrue(stream.proof("A").balanced)
                self.assertEqual((stream.feed, stream.age_ms), ("stale", 12))
                self.assertEqual((stream.epoch, stream.welcome["expires_in"]), (1000, 1799))
            self.assertEqual(server.opened[0][0], "/api/trigger/ws/u?hb_ms=500")
            self.assertEqual(told[0]["tokens"], ["A", "B"])
            self.assertEqual({e["type"] for e in events},
                             {"welcome", "ack", "connected", "skip", "hb"})
            await self.nothing_left()

    async def test_ack_in_pieces(self):
        names = [f"T{i}" for i in range(100)]

        async def script(ws):
            s = Typed(ws)
            await s.welcome()
            r = await s.request()
            ok = [(t, i, 7) for i, t in enumerate(r["tokens"][:-1])]
            await s.ack(r, ok, [(names[-1], 102, "unknown token")], pieces=5)
            for t in r["tokens"][:-1]:
                await s.tick(t, 8)
            await s.hb(99 * 8)
            await fake.stay(ws)

        async with fake.Server(script) as server:
            with self.assertLogs("azira_client", "WARNING"):
                async with typed(server, names) as stream:
                    await take(stream, 99)
                    await eventually(lambda: stream.complete())
                    self.assertEqual(stream.failed, {names[-1]: (102, "unknown token")})
                    self.assertEqual(stream.tokens, names[:-1])

    async def test_all_refused(self):
        async def script(ws):
            s = Typed(ws)
            await s.welcome()
            r = await s.request()
            await s.ack(r, failed=[(t, 102, "unknown token") for t in r["tokens"]])
            await fake.stay(ws)

        async with fake.Server(script) as server:
            async with typed(server) as stream:
                with self.assertRaises(Refused) as caught:
                    await take(stream, 1)
            self.assertEqual(set(caught.exception.tokens), {"A", "B"})
            await self.nothing_left()

    async def test_losses_are_noticed(self):
        async def hole(s):
            await s.tick("A", 1)
            await s.tick("A", 4)
            await s.hb(4)

        async def double(s):
            await s.tick("A", 1)
            await s.tick("A", 1)
            await s.hb(1)

        async def short_skip(s):
            await s.send(type="skip", token="A", count=1, seq=4)
            await s.tick("A", 4)
            await s.hb(4)

        async def wrong_sum(s):
            await s.tick("A", 1)
            await s.hb(2)

        async def unreadable(s):
            await s.ws.send("{")
            await s.hb(0)

        async def stranger(s):
            await s.tick("Z", 1)
            await s.hb(0)

        for case in (hole, double, short_skip, wrong_sum, unreadable, stranger):
            async def script(ws):
                s = Typed(ws)
                await s.begin()
                await case(s)
                await fake.stay(ws)

            async with fake.Server(script) as server:
                async with typed(server) as stream:
                    await eventually(lambda: stream.feed)
                    self.assertIs(stream.complete(), False, case.__name__)
                    self.assertTrue(stream.problems)

    async def test_a_loss_before_options_change(self):
        async def script(ws):
            s = Typed(ws)
            await s.begin()
            await s.tick("A", 1)
            await s.ack(await s.request(), [("A", 0, 4)])
            await s.tick("A", 4, "snap")
            await s.tick("A", 5)
            await s.hb(5)
            await fake.stay(ws)

        async with fake.Server(script) as server:
            async with typed(server) as stream:
                await take(stream, 1)
                await stream.subscribe("A", mode="ltp")
                got = await take(stream, 2)
                self.assertEqual([(t.seq, t.snap, t.missed) for t in got],
                                 [(4, True, 3), (5, False, 0)])
                await eventually(lambda: stream.feed)
                self.assertIs(stream.complete(), False)
                self.assertEqual((stream.counters.lost, stream.counters.skipped), (3, 0))

    async def test_binary(self):
        async def script(ws):
            s = Typed(ws, epoch=1764289349000000)
            await s.begin(tokens=1)
            await ws.send(bytes([2, 0, 0, 0, 0xFE, 0xF0, 0xC0, 0x01, 9, 10]))
            await ws.send(bytes([0x81, 1, 1, 5, 0xFF, 3]))  # ref 1, seq 1, -0.2
            await s.send(type="tick", token="A", seq=1, ts=1, data={"ltp": "none"})
            await s.hb(2)
            await fake.stay(ws)

        async with fake.Server(script) as server:
            async with typed(server, dialect=BINARY) as stream:
                snap, tick, json_tick = await take(stream, 3)
                self.assertEqual((snap.token, snap.seq, snap.snap), ("A", 0, True))
                self.assertEqual((snap.ltp, snap.bid, snap.ask),
                                 (Decimal("123.44"), Decimal("123.39"), Decimal("123.49")))
                self.assertEqual(snap.data["bestaskprice"], 123.49)
                self.assertEqual((tick.token, tick.seq, tick.ltp, tick.bid),
                                 ("B", 1, Decimal("-0.2"), None))
                self.assertEqual(tick.ts, 1764289349000005)
                self.assertEqual((json_tick.data, json_tick.ltp), ({"ltp": "none"}, None))
                await eventually(lambda: stream.complete())

    async def test_a_server_without_the_dialect(self):
        async with fake.Server(fake.stay, dialects=()) as server:
            async with typed(server) as stream:
                with self.assertRaises(DialectError):
                    await take(stream, 1)
            await self.nothing_left()

    async def test_requests(self):
        seen = []

        async def script(ws):
            s = Typed(ws)
            await s.begin(seq=5)
            while True:
                r = await s.request()
                seen.append(r)
                if r["op"] == "subscribe" and len(seen) == 1:
                    await s.send(type="error", id=r["id"], code=111, error="slow", retry_ms=50)
                elif r["op"] == "subscribe":
                    await s.ack(r, [("C", 9, 3)], [("X", 103, "denied")])
                    await s.tick("C", 4)
                    await s.hb(5 + 5 + 4)
                elif r["op"] == "unsubscribe":
                    await s.ack(r, [("A", 0, 5)], [("Q", 107, "not subscribed")])
                    await s.hb(5 + 4)
                elif r["op"] == "list":
                    await s.send(type="ack", id=r["id"], op="list", failed=[], count=1, limit=9,
                                 ok=[{"token": "C", "ref": 9, "seq": 4, "mode": "ltp"}])
                elif r["op"] == "ping":
                    await s.send(type="pong", id=r["id"], ts=1)
                else:
                    await s.send(type="error", id=r["id"], code=108, error="unknown op")

        async with fake.Server(script) as server:
            async with typed(server) as stream:
                ack = await stream.subscribe("C", "X", mode="ltp", max_rate=4)
                self.assertEqual((ack.ok, ack.failed), ({"C": 3}, {"X": (103, "denied")}))
                self.assertEqual(stream.tokens, ["A", "B", "C"])
                await take(stream, 1)
                ack = await stream.unsubscribe("A", "Q")
                self.assertEqual((list(ack.ok), list(ack.failed)), (["A"], ["Q"]))
                self.assertEqual((await stream.request("list")).items[0]["mode"], "ltp")
                await stream.request("ping")
                with self.assertRaises(Refused) as caught:
                    await stream.request("dance")
                self.assertEqual(caught.exception.code, 108)
                self.assertTrue(stream.complete(), stream.problems)
            self.assertEqual({k: seen[1][k] for k in ("tokens", "mode", "max_rate")},
                             {"tokens": ["C", "X"], "mode": "ltp", "max_rate": 4})

    async def test_too_early_is_sent_again_as_long_as_it_takes(self):
        seen = []

        async def script(ws):
            s = Typed(ws)
            await s.begin()
            for _ in range(25):
                r = await s.request()
                seen.append(r["tokens"])
                await s.send(type="error", id=r["id"], code=111, error="slow", retry_ms=5)
            for token in "CD":
                r = await s.request()
                seen.append(r["tokens"])
                await s.ack(r, [(token, 9, 0)])
            await fake.stay(ws)

        async with fake.Server(script) as server:
            async with typed(server) as stream:
                acks = await asyncio.gather(stream.subscribe("C"), stream.subscribe("D"))
            self.assertEqual([list(a.ok) for a in acks], [["C"], ["D"]])
            self.assertEqual(seen, 26 * [["C"]] + [["D"]])

    async def test_lists_and_all(self):
        seen = []

        async def script(ws):
            s = Typed(ws)
            await s.begin()
            while True:
                r = await s.request()
                seen.append((r["op"], r["tokens"]))
                names = "ABCDE" if r["tokens"] == "*" else r["tokens"]
                await s.ack(r, [(t, ord(t), 0) for t in names])

        async with fake.Server(script) as server:
            async with typed(server) as stream:
                await stream.subscribe(["C", "D"], "E")
                await stream.unsubscribe(["A", "B"])
                self.assertEqual(stream.tokens, ["C", "D", "E"])
                for everything in (), ("*",):
                    await stream.unsubscribe(*everything)
                    self.assertEqual(stream.tokens, [])
                    await stream.subscribe(["A"])
                with self.assertRaises(ValueError):
                    await stream.unsubscribe([])
        self.assertEqual(seen, [("subscribe", ["C", "D", "E"]), ("unsubscribe", ["A", "B"]),
                                *2 * [("unsubscribe", "*"), ("subscribe", ["A"])]])

    async def test_mode_ltp(self):
        async def script(ws):
            s = Typed(ws)
            r = await s.begin()
            self.assertEqual((r["mode"], r["snapshot"], r["max_rate"]), ("ltp", False, 0.5))
            await ws.send('{"type":"tick","token":"A","seq":1,"ts":1,"ltp":0.10000000000000000001}')
            await fake.stay(ws)

        async with fake.Server(script) as server:
            async with typed(server, mode="ltp", snapshot=False, max_rate=0.5) as stream:
                tick, = await take(stream, 1)
                self.assertEqual(tick.ltp, Decimal("0.10000000000000000001"))
                self.assertEqual(tick.data, {"ltp": 0.1})

    async def test_request_on_a_lost_connection_goes_to_the_next(self):
        async def first(ws):
            s = Typed(ws)
            await s.begin()
            await s.request()
            ws.transport.abort()

        async def second(ws):
            s = Typed(ws)
            await s.welcome()
            r = await s.request()
            await s.ack(r, [(t, i, n) for i, (t, n) in enumerate(r["from"].items())])
            await s.ack(await s.request(), [("C", 9, 3)])
            await fake.stay(ws)

        async with fake.Server(first, second) as server:
            with self.assertLogs("azira_client", "WARNING"):
                async with typed(server) as stream:
                    self.assertEqual((await stream.subscribe("C")).ok, {"C": 3})
            with self.assertRaises(Exception):
                await stream.subscribe("D")
            await self.nothing_left()


if __name__ == "__main__":
    unittest.main()
