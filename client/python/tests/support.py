"""What the tests share: the package on the path, and a clean end for each test."""

import asyncio
import os
import sys
import threading
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "src"))

TIMEOUT = 10  # seconds for anything that must happen

try:
    import websockets
except ImportError:
    websockets = None
try:
    import zmq
except ImportError:
    zmq = None

needs_websockets = unittest.skipUnless(websockets, "SKIPPED: no package websockets")
needs_zmq = unittest.skipUnless(zmq, "SKIPPED: no package zmq (pyzmq)")


class StreamCase(unittest.IsolatedAsyncioTestCase):
    """A test that must leave no task and no thread of the client behind."""

    def setUp(self):
        self.threads = set(threading.enumerate())

    async def asyncSetUp(self):
        self.tasks = asyncio.all_tasks()

    async def nothing_left(self):
        """Tasks and threads of before, and no more."""
        await eventually(lambda: not self.left())

    def left(self):
        tasks = asyncio.all_tasks() - self.tasks - {asyncio.current_task()}
        threads = [t for t in set(threading.enumerate()) - self.threads
                   if t.name.startswith("azira")]
        return [*tasks, *threads]


async def eventually(true):
    end = time.monotonic() + TIMEOUT
    while not true():
        if time.monotonic() > end:
            raise AssertionError("it did not happen in time")
        await asyncio.sleep(0.005)


async def take(stream, count):
    """The next ticks of a stream."""
    ticks = []
    while len(ticks) < count:
        ticks.append(await asyncio.wait_for(stream.__anext__(), TIMEOUT))
    return ticks


def unused_port():
    import socket
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]
