"""A fake server: it speaks as the test says, and a small model of the typed one."""

import asyncio
import http
import json

import support  # noqa: F401: it finds the package
import websockets

try:
    from websockets.legacy.server import serve
except ImportError:
    from websockets.server import serve

BEARER = "head.body.sign"


class Server:
    """Serves streams with a list of scripts, one to a connection; the last is for
    all that follow. A script is an async function of the connection, or
    (status, headers) and perhaps a body, with which the upgrade is refused."""

    def __init__(self, *scripts, dialects=("azira.v1.json", "azira.v1.bin")):
        self.scripts = list(scripts)
        self.dialects = dialects
        self.opened = []   # (path, headers) of each attempt
        self.times = []    # when, by the loop's clock
        self.faults = []   # what went wrong in a script

    async def __aenter__(self):
        self.server = await serve(
            self._serve, "127.0.0.1", 0, process_request=self._request, compression=None,
            subprotocols=self.dialects or None, ping_interval=None, close_timeout=1)
        port = self.server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        return self

    async def __aexit__(self, *_):
        self.server.close()
        await self.server.wait_closed()
        if self.faults:
            raise self.faults[0]

    async def _request(self, path, headers):
        self.opened.append((path, headers))
        self.times.append(asyncio.get_running_loop().time())
        self.script = self.scripts.pop(0) if len(self.scripts) > 1 else self.scripts[0]
        if isinstance(self.script, tuple):
            status, more, body = (*self.script, b"{}")[:3]
            return http.HTTPStatus(status), [("Content-Type", "application/json"), *more], body
        return None

    async def _serve(self, ws, *_):
        try:
            await self.script(ws)
        except websockets.exceptions.ConnectionClosed:
            pass
        except Exception as e:
            self.faults.append(e)


async def text(ws, *ticks):
    """Confirms a subscribe of the text dialect and sends ticks."""
    verb, tokens = (await ws.recv()).split("|")
    assert verb == "subscribe", verb
    await ws.send("Subscribed to tokens: " + ", ".join(tokens.split(",")))
    for tick in ticks:
        await ws.send(json.dumps(tick))


async def stay(ws):
    await ws.wait_closed()


class Typed:
    """One connection of a typed server, with what its methods are told."""

    def __init__(self, ws, epoch=1000, hb_ms=5000, **welcome):
        self.ws = ws
        self.epoch = epoch
        self.hb_ms = hb_ms
        self.more = welcome

    async def send(self, **event):
        await self.ws.send(json.dumps(event))

    async def welcome(self):
        await self.send(type="welcome", conn="s-1", username="u", epoch=self.epoch,
                        hb_ms=self.hb_ms, resume_s=600, limits={"tokens": 3000}, **self.more)

    async def request(self):
        return json.loads(await self.ws.recv())

    async def ack(self, request, ok=(), failed=(), pieces=1, **more):
        """ok is (token, ref, seq)…; failed (token, code, words)…"""
        ok = [dict(token=t, ref=r, seq=s) for t, r, s in ok]
        failed = [dict(token=t, code=c, error=w) for t, c, w in failed]
        size = -(-max(len(ok), 1) // pieces)
        for i in range(pieces):
            last = i == pieces - 1
            await self.send(type="ack", id=request["id"], op=request["op"],
                            ok=ok[i * size:(i + 1) * size], failed=failed if last else [],
                            count=len(ok), limit=3000, **({} if last else {"more": True}), **more)

    async def begin(self, seq=0, tokens=None):
        """Welcomes and confirms the first subscribe at seq, refs 0, 1, …"""
        await self.welcome()
        request = await self.request()
        assert request["op"] == "subscribe", request
        names = request.get("tokens") or list(request["from"])
        await self.ack(request, [(t, i, seq) for i, t in enumerate(names)])
        return request

    async def tick(self, token, seq, kind="tick", **data):
        await self.send(type=kind, token=token, seq=seq, ts=1764289349000000 + seq,
                        data={"token": token, "ltp": seq + 0.5, **data})

    async def hb(self, total, pending=0, feed="live"):
        await self.send(type="hb", ts=1, sum=total, pending=pending, feed=feed, age_ms=12)
