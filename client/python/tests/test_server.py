"""The whole way against the real server and feed."""

import asyncio
import contextlib
import io
import os
import time
import unittest
from unittest import mock

import support
from support import StreamCase, eventually, needs_websockets, needs_zmq, take

from azira_client import (BINARY, JSON, ApiError, AuthClient, Refused, StreamClosed,
                          SubscribeToToken, ZMQTestSubscriber)
from azira_client.__main__ import main

if support.websockets:
    import real

PASSWORD = "correct horse"
TOKENS = ["NSE:1", "NSE:2"]
FAST = (0.05, 0.5)


@needs_websockets
class RealServer(StreamCase):
    @classmethod
    def setUpClass(cls):
        cls.azira = real.Azira(",".join(TOKENS))
        cls.addClassCleanup(cls.azira.close)
        cls.auth = AuthClient(cls.azira.url)
        cls.auth.register("Zoë", PASSWORD)
        cls.answer = cls.auth.login("Zoë", PASSWORD)
        cls.bearer = cls.answer["access_token"]["access_token"]
        end = time.monotonic() + support.TIMEOUT
        while set(cls.auth.tokens()) < set(TOKENS) and time.monotonic() < end:
            time.sleep(0.01)

    def stream(self, bearer=None, tokens=TOKENS, server=None, **more):
        return SubscribeToToken(server or self.azira.url, "Zoë", bearer or self.answer, tokens,
                                backoff=FAST, **more)

    def test_accounts(self):
        self.assertEqual(self.answer["message"], "User Zoë logged in successfully")
        for call, status in ((self.auth.register, 400), (self.auth.login, 400)):
            with self.assertRaises(ApiError) as caught:
                call("Zoë", "another password")
            self.assertEqual(caught.exception.status, status)
        with self.assertRaises(ApiError) as caught:
            self.auth.register("a/b", "short")
        self.assertEqual(caught.exception.status, 422)
        auth = AuthClient(self.azira.url)
        auth.register("ann", PASSWORD)
        pair = auth.token("ann", PASSWORD)
        second = auth.token(refresh_token=pair["refresh_token"])
        third = auth.refresh(second["refresh_token"])
        self.assertTrue(auth.ticket())
        self.assertEqual(auth.tick("NSE:1")["token"], "NSE:1")
        self.assertEqual(auth.sessions(), [])
        auth.logout()
        with self.assertRaises(ApiError) as caught:
            auth.sessions(third["access_token"])
        self.assertEqual(caught.exception.status, 401)

    async def test_text(self):
        async with self.stream() as stream:
            got = await take(stream, 50)
            self.assertEqual({t.token for t in got}, set(TOKENS))
            self.assertTrue(all(t.ltp and t.bid < t.ask for t in got))
            sessions = await asyncio.to_thread(self.auth.sessions, self.bearer)
            self.assertEqual([s["tokens"] for s in sessions], [2])
            await stream.unsubscribe("NSE:2")
            with self.assertRaises(Refused):
                await stream.subscribe("no such")
        async with self.stream(tokens="no such") as stream:
            with self.assertRaises(Refused) as caught:
                await take(stream, 1)
        self.assertEqual(list(caught.exception.tokens), ["no such"])
        await self.nothing_left()

    async def test_text_after_a_cut(self):
        cutter = await real.Cutter.start(self.azira.url)
        self.addAsyncCleanup(cutter.close)
        async with self.stream(server=cutter.url) as stream:
            await take(stream, 5)
            with self.assertLogs("azira_client", "WARNING"):
                cutter.cut()
                await eventually(lambda: stream.counters.connects == 2)
            await take(stream, 50)

    async def test_credentials(self):
        asked = []

        def bearer():
            asked.append(1)
            return "a.b.c"

        with self.assertLogs("azira_client", "WARNING"):
            for given in ("a.b.c", bearer):
                async with self.stream(given) as stream:
                    with self.assertRaises(ApiError) as caught:
                        await take(stream, 1)
                self.assertEqual(caught.exception.status, 401)
        self.assertEqual(len(asked), 2)

    async def test_closed_session_is_final(self):
        async with self.stream() as stream:
            await take(stream, 1)
            for s in await asyncio.to_thread(self.auth.sessions, self.bearer):
                await asyncio.to_thread(self.auth.close_session, s["id"], self.bearer)
            with self.assertRaises(StreamClosed) as caught:
                await take(stream, 10_000)
        self.assertEqual(caught.exception.code, 3501)

    async def test_typed(self):
        for dialect in (JSON, BINARY):
            async with self.stream(dialect=dialect, hb_ms=500) as stream:
                got = await take(stream, 50)
                await eventually(lambda: stream.complete() is not None)
                self.assertTrue(stream.complete(), stream.problems)
                self.assertEqual(stream.feed, "live")
                self.assertTrue(all(stream.proof(t).balanced for t in TOKENS))
                for token in TOKENS:
                    seqs = [t.seq for t in got if t.token == token]
                    self.assertEqual(seqs, list(range(seqs[0], seqs[0] + len(seqs))))
                ack = await stream.subscribe("no such")
                self.assertEqual(ack.failed["no such"][0], 102)
                await stream.request("ping")
                self.assertEqual({i["token"] for i in (await stream.request("list")).items},
                                 set(TOKENS))
            await self.nothing_left()

    async def test_options_change_and_tokens_come_and_go(self):
        async with self.stream(dialect=BINARY, hb_ms=500, tokens=TOKENS[:1]) as stream:
            for n in range(12):
                options = {"mode": ("full", "ltp")[n % 2], "max_rate": (0, 5, 50)[n % 3]}
                await stream.subscribe(*TOKENS, **options)
                await asyncio.sleep(0.05)
                await stream.unsubscribe(TOKENS[n % 2])
            await stream.subscribe(*TOKENS)
            stream._ledger.proved = None
            await eventually(lambda: stream.complete() is not None)
            self.assertTrue(stream.complete(), stream.problems)
            self.assertGreater(stream.counters.skipped, 0)
            self.assertEqual((stream.counters.lost, stream.counters.doubled), (0, 0))

    async def test_typed_resumes_after_a_cut(self):
        cutter = await real.Cutter.start(self.azira.url)
        self.addAsyncCleanup(cutter.close)
        async with self.stream(dialect=JSON, hb_ms=500, server=cutter.url) as stream:
            got = await take(stream, 20)
            with self.assertLogs("azira_client", "WARNING"):
                for connects in (2, 3):
                    cutter.cut()
                    await eventually(lambda: stream.counters.connects == connects)
                    got += await take(stream, 20)
            await eventually(lambda: stream.complete() is not None)
            self.assertTrue(stream.complete(), stream.problems)
            c = stream.counters
            self.assertEqual((c.lost, c.doubled, c.gapped, c.skipped), (0, 0, 0, 0))
            for token in TOKENS:
                seqs = [t.seq for t in got if t.token == token]
                self.assertEqual(seqs, list(range(seqs[0], seqs[0] + len(seqs))))

    def test_command_line(self):
        env = {"AZIRA_SERVER": self.azira.url, "AZIRA_USER": "bob", "AZIRA_PASSWORD": PASSWORD}
        out = io.StringIO()
        with mock.patch.dict(os.environ, env), contextlib.redirect_stdout(out):
            self.assertEqual(main(["register"]), 0)
            self.assertEqual(main(["login"]), 0)
            self.assertEqual(main(["watch", ",".join(TOKENS), "--count", "3"]), 0)
            self.assertEqual(main(["watch", "NSE:1", "--count", "1", "--raw"]), 0)
        lines = out.getvalue().splitlines()
        self.assertEqual(lines[0], "User registered successfully")
        self.assertEqual(lines[1].count("."), 2)
        self.assertRegex(lines[2], r"^NSE:\d ltp [\d.]+ bid [\d.]+ ask [\d.]+$")
        self.assertRegex(lines[5], r'^\{"token"')
        self.assertEqual(len(lines), 6)
        err = io.StringIO()
        with mock.patch.dict(os.environ, env), contextlib.redirect_stderr(err):
            self.assertEqual(main(["watch", "no such"]), 1)
            with self.assertRaises(SystemExit):
                main(["dance"])
        self.assertIn("Tokens not found: no such", err.getvalue())
        self.assertNotIn(PASSWORD, out.getvalue() + err.getvalue())

    @needs_zmq
    def test_bus(self):
        with ZMQTestSubscriber(self.azira.pub, TOKENS[:1]) as bus:
            topic, data = next(iter(bus))
            self.assertEqual((topic, data["token"]), ("NSE:1", "NSE:1"))
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            self.assertEqual(main(["bus", "--endpoint", self.azira.pub, "--count", "2"]), 0)
        self.assertEqual(len(out.getvalue().splitlines()), 2)


@needs_websockets
class Restart(StreamCase):
    async def test_streams_come_back(self):
        azira = await asyncio.to_thread(real.Azira, ",".join(TOKENS))
        self.addCleanup(azira.close)
        auth = AuthClient(azira.url)
        await asyncio.to_thread(auth.register, "ann", PASSWORD)
        keeper = await asyncio.to_thread(auth.keeper, "ann", PASSWORD)
        while set(await asyncio.to_thread(auth.tokens, keeper())) < set(TOKENS):
            await asyncio.sleep(0.01)
        streams = []
        for dialect in ("text", JSON, BINARY):
            s = SubscribeToToken(azira.url, "ann", keeper, TOKENS, dialect=dialect, hb_ms=500,
                                 backoff=FAST)
            await s.start()
            self.addAsyncCleanup(s.close)
            await take(s, 5)
            streams.append(s)
        epochs = [s.epoch for s in streams]
        with self.assertLogs("azira_client", "WARNING"):
            await asyncio.to_thread(azira.restart)
            for s in streams:
                await eventually(lambda: s.counters.connects == 2)
        for s, epoch in zip(streams, epochs):
            if epoch is not None:
                await eventually(s.complete)
                self.assertNotEqual(s.epoch, epoch)
                self.assertTrue(all(s.proof(t).balanced for t in TOKENS))
            await s.close()
        await self.nothing_left()


if __name__ == "__main__":
    unittest.main()
