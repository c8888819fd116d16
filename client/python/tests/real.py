"""The real programs on free ports: azira serve and azira feed."""

import asyncio
import atexit
import os
import queue
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import unittest

import support

_BUILD_TIMEOUT = 180


def binary(folder):
    """AZIRA_BIN, or a binary built from this tree; a test is skipped without."""
    given = os.environ.get("AZIRA_BIN")
    if given:
        return given
    if not shutil.which("go") or not os.path.exists(os.path.join(support.ROOT, "go.mod")):
        raise unittest.SkipTest("SKIPPED: no AZIRA_BIN, and no go to build it with")
    path = os.path.join(folder, "azira")
    subprocess.run(["go", "build", "-o", path, "./cmd/azira"], cwd=support.ROOT, check=True,
                   timeout=_BUILD_TIMEOUT, env={**os.environ, "CGO_ENABLED": "0"})
    return path


class Program:
    """A running azira; its output is read all the time."""

    def __init__(self, *command):
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True,
                                        stderr=subprocess.STDOUT, bufsize=1)
        self.said = []
        self._lines = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        with self.process.stdout as out:
            for line in out:
                self._lines.put(line)
        self._lines.put(None)

    def await_line(self, pattern):
        """Waits for a line and returns what the pattern's groups found."""
        while True:
            line = self._lines.get(timeout=support.TIMEOUT)
            if line is None:
                raise AssertionError("it ended: " + "".join(self.said))
            self.said.append(line)
            found = re.search(pattern, line)
            if found:
                return found.groups()

    def end(self, how=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(how)
        try:
            self.process.wait(support.TIMEOUT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._reader.join()


class Azira:
    """A feed and a server joined by a real bus."""

    def __init__(self, tokens="NSE:1,NSE:2", rate=200):
        self.folder = tempfile.mkdtemp(prefix="azira-test-")
        self.programs = []
        atexit.register(self.close)  # an interrupt skips cleanups
        try:
            self._binary = binary(self.folder)
            feed = self._run("feed", "--pub", "tcp://127.0.0.1:0", "--control",
                             "tcp://127.0.0.1:0", "--tokens", tokens, "--rate", str(rate))
            self.pub, self.control = feed.await_line(r"ready, pub (\S+), control (\S+),")
            self.serve("127.0.0.1:0")
        except BaseException:
            self.close()
            raise

    def serve(self, listen):
        self.server = self._run(
            "serve", "--listen", listen, "--admin", "off", "--feed", self.pub, "--data",
            os.path.join(self.folder, "data"), "--drain-window", "200ms", "--ring-bytes", "4MiB")
        self.url, = self.server.await_line(r"ready: (http://[^\s,]+)")

    def restart(self):
        self.server.end()
        self.serve(self.url[len("http://"):])

    def close(self):
        for program in reversed(self.programs):
            program.end()
        self.programs.clear()
        shutil.rmtree(self.folder, ignore_errors=True)
        atexit.unregister(self.close)

    def _run(self, *words):
        self.programs.append(Program(self._binary, *words))
        return self.programs[-1]


class Cutter:
    """Stands between a client and the server, and cuts all connections when told."""

    @classmethod
    async def start(cls, url):
        self = cls()
        self.host, port = url[len("http://"):].rsplit(":", 1)
        self.port = int(port)
        self.writers, self.tasks = set(), set()
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self.server.sockets[0].getsockname()[1]}"
        return self

    async def _serve(self, reader, writer):
        other_reader, other_writer = await asyncio.open_connection(self.host, self.port)
        self.writers |= {writer, other_writer}
        for pair in ((reader, other_writer), (other_reader, writer)):
            task = asyncio.create_task(self._copy(*pair))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    async def _copy(self, reader, writer):
        try:
            while p := await reader.read(65536):
                writer.write(p)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()

    def cut(self):
        for writer in self.writers:
            writer.transport.abort()
        self.writers.clear()

    async def close(self):
        self.server.close()
        self.cut()
        await asyncio.gather(*self.tasks, return_exceptions=True)
