"""What the scenarios of interop.py share: a publisher on libzmq, accounts over
plain HTTP, and streams by the websockets package. Nothing here knows Azira's
own code; what it expects of a server is the original's contract."""

import asyncio
import inspect
import json
import urllib.error
import urllib.request

import websockets
import zmq

PASSWORD = "correct horse"
TIMEOUT = 10  # seconds for anything that must happen
ctx = zmq.Context.instance()


def say(*words):
    print(*words, flush=True)


def expect(got, want):
    if got != want:
        raise AssertionError(f"got {got!r}, want {want!r}")


class Publisher:
    """A PUB socket that numbers the ticks of each token."""

    def __init__(self, endpoint="tcp://127.0.0.1:*"):
        self.sent = {}
        self.numbers = {}
        self.open(endpoint)

    def open(self, endpoint):
        self.socket = ctx.socket(zmq.PUB)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.bind(endpoint)
        self.endpoint = self.socket.getsockopt_string(zmq.LAST_ENDPOINT).rstrip("\0")

    def close(self):
        self.socket.close()

    def tick(self, token):
        n = self.numbers[token] = self.numbers.get(token, 0) + 1
        data = '{"token": "%s",  "ltp": %d.5, "note": "a & b é"}' % (token, n)
        if n % 2:
            self.socket.send_string(token + " & " + data)
        else:
            self.socket.send_multipart([token.encode(), data.encode()])
        return data

    async def run(self, *tokens):
        while True:
            for token in tokens:
                self.tick(token)
            await asyncio.sleep(0.002)


def call(base, method, path, body=None, bearer=None):
    """Returns status, headers and JSON of an HTTP request."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(base + path, data=data, method=method)
    request.add_header("Content-Type", "application/json")
    if bearer:
        request.add_header("Authorization", "Bearer " + bearer)
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
            return answer.status, answer.headers, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, error.headers, json.loads(error.read())


def register(base, name):
    """Registers and logs in as AziraClient does; returns the bearer."""
    body = {"username": name, "password": PASSWORD}
    status, headers, answer = call(base, "POST", "/api/v1/users/register", body)
    expect((status, answer), (200, {"message": "User registered successfully"}))
    cookies = " ".join(headers.get_all("Set-Cookie"))
    for part in ('access_token="Bearer ', "client_id="):
        if part not in cookies:
            raise AssertionError(f"no {part} among the cookies")
    status, _, answer = call(base, "POST", "/api/v1/users/login", body)
    expect((status, answer["message"]), (200, f"User {name} logged in successfully"))
    return answer["access_token"]["access_token"]


async def open_stream(base, path, bearer=None):
    url = base.replace("http", "ws", 1) + path
    name = "extra_headers"  # up to websockets 13
    if "additional_headers" in inspect.signature(websockets.connect.__init__).parameters:
        name = "additional_headers"
    headers = {"Authorization": "Bearer " + bearer} if bearer else {}
    return await asyncio.wait_for(websockets.connect(url, **{name: headers}), TIMEOUT)


async def refused(base, path, bearer=None):
    """Returns the HTTP status with which a stream is refused."""
    try:
        await open_stream(base, path, bearer)
    except websockets.exceptions.InvalidHandshake as error:
        if hasattr(error, "status_code"):
            return error.status_code
        return error.response.status_code
    raise AssertionError(path + " was opened")


async def hear(stream):
    return await asyncio.wait_for(stream.recv(), TIMEOUT)


async def ask(stream, text):
    await stream.send(text)
    return await hear(stream)


async def closed(stream):
    """Reads until the stream ends; returns what came, code and reason."""
    heard = []
    try:
        while True:
            heard.append(await hear(stream))
    except websockets.exceptions.ConnectionClosed as error:
        return heard, error.rcvd.code, error.rcvd.reason


async def known(base, bearer, *tokens):
    """Waits until the server has heard of tokens."""
    for _ in range(TIMEOUT * 100):
        status, _, answer = call(base, "GET", "/api/v1/tokens", bearer=bearer)
        expect(status, 200)
        if set(tokens) <= set(answer["tokens"]):
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"{tokens} are not known")


async def ticks(stream, token, count, first=None):
    """Reads until count ticks of token came; they must be without holes."""
    last, seen = first, 0
    while seen < count:
        tick = json.loads(await hear(stream))
        if tick["token"] != token:
            continue
        if last is not None:
            expect(tick["ltp"], last + 1)
        last, seen = tick["ltp"], seen + 1
    return last
