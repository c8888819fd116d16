"""The parts that need neither a server nor a package: records, ticks, mailbox, ledger."""

import asyncio
import decimal
import json
import logging
import os
import threading
import unittest
from decimal import Decimal

import support

from azira_client import Tick
from azira_client.backoff import Backoff
from azira_client.binary import BadRecord, parse
from azira_client.ledger import Ledger
from azira_client.mailbox import Mailbox
from azira_client.wire import split

VECTORS = os.path.join(support.ROOT, "proto", "testdata", "binary.json")


class Binary(unittest.TestCase):
    @unittest.skipUnless(os.path.exists(VECTORS), "SKIPPED: no proto/testdata/binary.json")
    def test_vectors(self):
        with open(VECTORS, encoding="utf-8") as f:
            vectors = json.load(f)
        self.assertTrue(vectors)
        for v in vectors:
            with self.subTest(v["name"]):
                p = bytes.fromhex(v["hex"])
                if v.get("error"):
                    self.assertRaises(BadRecord, parse, p)
                    continue
                r = parse(p)
                self.assertEqual(("snap" if r.snap else "tick", r.ref, r.seq,
                                  v["epoch"] + r.since), (v["kind"], v["ref"], v["seq"], v["ts"]))
                for got, name in ((r.ltp, "ltp"), (r.bid, "bid"), (r.ask, "ask")):
                    want = v.get(name)
                    self.assertEqual(got, None if want is None else Decimal(want))

    def test_exact_whatever_the_context(self):
        most = bytes([0x81, 0, 1, 0, 0x80]) + bytes([0xFF] * 9 + [1])  # the least int64
        with decimal.localcontext() as c:
            c.prec = 3
            r = parse(most)
        self.assertEqual(r.ltp, Decimal("-9223372036854775808E-128"))
        self.assertEqual(str(parse(bytes([0x81, 0, 1, 0, 2, 2])).ltp), "1E+2")

    def test_bad_records(self):
        good = bytes([1, 0, 1, 0, 0xFE, 2, 2, 2])
        parse(good)
        bad = [good[:n] for n in range(len(good))] + [
            good + b"\0", b"\x00" + good[1:], b"\x03" + good[1:],
            bytes([0x81]) + bytes([0x80] * 10) + bytes([0, 1, 0, 0, 0]),
            bytes([0x81]) + bytes([0xFF] * 9 + [2]) + bytes([1, 0, 0, 0]), good + good]
        for p in bad:
            with self.assertRaises(BadRecord, msg=p.hex()):
                parse(p)


class Ticks(unittest.TestCase):
    def test_prices(self):
        frame = '{"token":"A","ltp":0.30000000000000000001,"bestbidprice":7,"bestaskprice":true}'
        t = Tick("A", json.loads(frame), frame=frame)
        self.assertEqual((t.ltp, t.bid, t.ask), (Decimal("0.30000000000000000001"), 7, None))
        self.assertEqual(Tick("A", {"ltp": "1"}).ltp, None)
        self.assertIsNone(t.time)


class Boxes(unittest.TestCase):
    def test_conflation_keeps_the_newest_and_counts(self):
        box = Mailbox(4)
        for n in range(100):
            box.put(Tick("AB"[n % 2], {"n": n}))
        box.end()
        got = []
        while (t := box.get()) is not None:
            got.append(t)
        self.assertLessEqual(len(got), 5)
        self.assertEqual([t.data["n"] for t in got[-2:]], [98, 99])
        self.assertEqual(len(got) + sum(t.missed for t in got), 100)
        self.assertEqual(box.conflated + len(got), 100)
        self.assertEqual(sorted(t.data["n"] for t in got), [t.data["n"] for t in got])

    def test_more_tokens_than_room(self):
        box = Mailbox(2)
        for n in range(50):
            box.put(Tick(f"T{n % 10}", {"n": n}))
        self.assertLessEqual(len(box), 20)

    def test_across_threads(self):
        box, got = Mailbox(), []

        async def taker():
            while (t := await box.aget()) is not None:
                got.append(t.data["n"])

        def put():
            for n in range(1000):
                box.put(Tick("A", {"n": n}))
            box.end()

        thread = threading.Thread(target=put)
        thread.start()
        asyncio.run(asyncio.wait_for(taker(), support.TIMEOUT))
        thread.join()
        self.assertEqual(got, list(range(1000)))


class Books(unittest.TestCase):
    def book(self, seq):
        book = Ledger()
        book.want("A", {})
        book.connected(1)
        book.acked("A", 0, seq, resumed=False)
        return book, book.entries["A"]

    def test_snap_that_had_to_wait_follows_a_skip(self):
        book, a = self.book(41)
        book.skip(a, 2, 44)
        self.assertTrue(book.snap(a, 44))
        self.assertEqual((a.last, a.received, a.skipped), (44, 1, 2))
        self.assertTrue(a.balanced and book.heartbeat(44, 0) and book.complete())

    def test_snap_that_jumps_is_a_loss(self):
        book, a = self.book(41)
        self.assertTrue(book.snap(a, 44))
        self.assertEqual((a.last, a.received, a.skipped, a.missed), (44, 1, 0, 2))
        self.assertTrue(book.heartbeat(44, 0))
        self.assertEqual((book.counters.lost, book.complete()), (2, False))

    def test_ack_of_a_token_held_that_jumps_is_a_loss(self):
        book, a = self.book(0)
        book.tick(a, 1)
        book.acked("A", 0, 4, resumed=False)
        book.snap(a, 4)
        self.assertEqual((a.last, a.missed, a.skipped, book.counters.lost), (4, 3, 0, 3))
        book.tick(a, 5)
        self.assertTrue(book.heartbeat(5, 0))
        self.assertIs(book.complete(), False)
        self.assertIn("A: 3 ticks after 1 are missing", book.problems)

    def test_ack_of_a_token_held_that_is_behind_is_a_problem(self):
        book, a = self.book(41)
        book.tick(a, 42)
        book.acked("A", 0, 41, resumed=False)
        self.assertEqual((a.last, book.complete()), (41, False))

    def test_ack_of_a_token_held_keeps_its_account(self):
        book, a = self.book(41)
        book.tick(a, 42)
        book.acked("A", 0, 42, resumed=False)
        book.snap(a, 42)
        self.assertEqual((a.base, a.last, a.received), (41, 42, 1))
        self.assertTrue(a.balanced and book.heartbeat(42, 0) and book.complete())

    def test_the_first_ack_of_a_connection_is_a_baseline(self):
        book, a = self.book(41)
        book.connected(1)
        book.acked("A", 0, 50, resumed=False)
        self.assertEqual((a.base, a.last), (50, 50))
        book.connected(2)
        book.acked("A", 0, 7, resumed=True)
        self.assertEqual((a.base, a.last), (7, 7))
        self.assertTrue(book.heartbeat(7, 0) and book.complete())

    def test_a_skip_must_cover_what_lacks(self):
        for count, lost, skipped in ((3, 0, 3), (1, 2, 1), (4, 3, 0), (-1, 3, 0)):
            book, a = self.book(41)
            book.skip(a, count, 45)
            book.tick(a, 45)
            self.assertEqual((book.counters.lost, a.skipped, a.missed, a.last),
                             (lost, skipped, 3, 45))
            self.assertTrue(book.heartbeat(45, 0))
            self.assertIs(book.complete(), lost == 0)

    def test_snap_out_of_place_is_a_loss(self):
        book, a = self.book(41)
        book.tick(a, 42)
        book.snap(a, 45)
        self.assertEqual((book.counters.lost, book.complete()), (2, False))

    def test_a_gap_must_join(self):
        book, a = self.book(41)
        book.gap(a, 50, 60, "ring")
        self.assertIs(book.complete(), False)

    def test_dropped_tokens_do_not_count(self):
        book, _ = self.book(41)
        book.acked("B", 1, 7, resumed=False)
        self.assertTrue(book.heartbeat(48, 0))
        book.drop("A")
        self.assertTrue(book.heartbeat(7, 0))
        self.assertEqual(list(book.refs), [1])
        book.connected(1)
        self.assertIsNone(book.complete())


class Small(unittest.TestCase):
    def test_backoff(self):
        b = Backoff()
        for bound in (0.5, 1, 2, 4, 8, 15, 15, 15):
            self.assertTrue(0.25 <= b.next() <= bound)
        self.assertTrue(10 <= b.next(10) <= 12.5)  # not the bound of 15 s
        self.assertTrue(300 <= b.next(1e9) <= 375)
        b.reset()
        self.assertLessEqual(b.next(), 0.5)

    def test_split(self):
        names = ["é" * 10] * 5
        self.assertEqual([len(p) for p in split(names, 50)], [2, 2, 1])
        self.assertEqual(list(split([], 50)), [])

    def test_no_credential_in_logs_of_websockets(self):
        from azira_client import dial
        self.assertIsNotNone(dial)
        logger = logging.getLogger("azira_client.websockets")
        root = logging.getLogger()
        before = root.level
        root.setLevel(logging.DEBUG)
        try:
            self.assertFalse(logger.isEnabledFor(logging.DEBUG))
        finally:
            root.setLevel(before)


if __name__ == "__main__":
    unittest.main()
