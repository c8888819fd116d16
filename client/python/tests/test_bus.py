"""The bus, against a publisher on libzmq."""

import threading
import unittest

import support
from support import needs_zmq

from azira_client import AziraError, ZMQTestSubscriber
from azira_client.bus import BadMessage, parse_message

if support.zmq:
    import zmq


@needs_zmq
class Bus(unittest.TestCase):
    def setUp(self):
        self.pub = zmq.Context.instance().socket(zmq.XPUB)
        self.pub.setsockopt(zmq.LINGER, 0)
        self.pub.setsockopt(zmq.RCVTIMEO, support.TIMEOUT * 1000)
        self.pub.bind("tcp://127.0.0.1:*")
        self.addCleanup(self.pub.close)
        self.endpoint = self.pub.getsockopt_string(zmq.LAST_ENDPOINT).rstrip("\0")

    def test_ticks_and_bad_messages(self):
        with ZMQTestSubscriber(self.endpoint) as bus:
            self.assertEqual(self.pub.recv(), b"\x01")
            self.pub.send(b'A & {"ltp": 1.5, "note": "x & y"}')
            for bad in (b"A {}", b"A & [1]", b"A & {", b" \x01 & {}", b"\xff & {}",
                        b"x" * 65 + b" & {}", b"A & {" + b" " * 17000 + b"}"):
                self.pub.send(bad)
            self.pub.send_multipart([b"A", b"{}", b""])
            self.pub.send_multipart(["é".encode(), b'{"ltp": 2}'])
            ticks = iter(bus)
            self.assertEqual(next(ticks), ("A", {"ltp": 1.5, "note": "x & y"}))
            self.assertEqual(next(ticks), ("é", {"ltp": 2}))
            self.assertEqual(sum(bus.bad.values()), 8)
            self.assertEqual(bus.bad["no_separator"], 1)
            self.assertEqual(bus.messages, 10)

    def test_topics_are_exact(self):
        with ZMQTestSubscriber(self.endpoint, ["NSE:1"], timeout=0.3) as bus:
            self.assertEqual(self.pub.recv(), b"\x01NSE:1")
            for topic in ("NSE:1", "NSE:10", "BSE:1", "NSE:1"):
                self.pub.send_string(topic + " & {}")
            self.assertEqual([topic for topic, _ in bus], ["NSE:1", "NSE:1"])

    def test_stop(self):
        with ZMQTestSubscriber(self.endpoint, "A") as bus:
            threading.Timer(0.2, bus.stop).start()
            self.assertEqual(list(bus), [])

    def test_bad_endpoint(self):
        self.assertRaises(AziraError, ZMQTestSubscriber, "nonsense")


class Messages(unittest.TestCase):
    def test_nesting(self):
        with self.assertRaises(BadMessage):
            parse_message([b"A & " + b'{"a":' * 3000 + b"1"])


if __name__ == "__main__":
    unittest.main()
