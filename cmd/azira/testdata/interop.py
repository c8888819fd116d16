"""Scenarios of a client written in another language: interop.py NAME.

A scenario binds its publishers, prints "feed ENDPOINT,ENDPOINT", reads the
server's address from its input, and prints a line for each thing it saw. It
ends with status 0 when all was as the contract says."""

import asyncio
import sys

from peer import *


def server(*publishers):
    say("feed", ",".join(p.endpoint for p in publishers))
    return sys.stdin.readline().strip()


async def whole():
    """The original client's way: account, stream, subscribe, ticks, unsubscribe."""
    p = Publisher()
    base = server(p)
    bearer = register(base, "Zoë")
    publishing = asyncio.create_task(p.run("NSE:1", "NSE:2"))
    await known(base, bearer, "NSE:1", "NSE:2")
    stream = await open_stream(base, "/api/trigger/ws/Zo%C3%AB", bearer)
    expect(stream.subprotocol, None)
    expect(await ask(stream, "subscribe|NSE:1, NSE:2"), "Subscribed to tokens: NSE:1, NSE:2")
    say("subscribed")
    await ticks(stream, "NSE:1", 200)
    await ticks(stream, "NSE:2", 200)
    say("ticks without holes")
    await stream.send("unsubscribe|NSE:1")
    while await hear(stream) != "Unsubscribed from tokens: NSE:1":
        pass
    for _ in range(100):
        expect(json.loads(await hear(stream))["token"], "NSE:2")
    say("unsubscribed")
    publishing.cancel()
    await asyncio.sleep(0.2)
    sent = p.tick("NSE:2")
    while await hear(stream) != sent:
        pass
    say("the publisher's bytes, unchanged")
    await stream.send(["unsub", "scribe|NS", "E:2"])
    expect(await hear(stream), "Unsubscribed from tokens: NSE:2")
    await asyncio.wait_for(await stream.ping(b"are you there"), TIMEOUT)
    expect(await ask(stream, "foo|NSE:2"), "Unknown action: foo")
    say("fragments, ping, unknown action")
    await stream.close()
    expect(stream.close_code, 1000)
    say("closed")


async def refusals():
    """Credentials, unknown tokens and the limit of three."""
    p = Publisher()
    base = server(p)
    ann, bob = register(base, "ann"), register(base, "bob")
    publishing = asyncio.create_task(p.run("A"))
    await known(base, ann, "A")
    path = "/api/trigger/ws/ann"
    expect(await refused(base, path), 401)
    expect(await refused(base, path, "a.b.c"), 401)
    expect(await refused(base, path, bob), 403)
    say("credentials")
    for _ in range(5):  # each gives its place back
        stream = await open_stream(base, path, ann)
        await stream.send("subscribe|A,no such")
        heard, code, _ = await closed(stream)
        expect((heard, code), (["Tokens not found: no such"], 1008))
    say("unknown token: 1008")
    three = [await open_stream(base, path, ann) for _ in range(3)]
    fourth = await open_stream(base, path, ann)
    expect(await closed(fourth), ([], 1008, "connection limit 3 reached"))
    for stream in three:
        expect(await ask(stream, "subscribe|A"), "Subscribed to tokens: A")
        await ticks(stream, "A", 10)
    say("three and no more")
    await three[0].close()
    for _ in range(TIMEOUT * 100):
        again = await open_stream(base, path, ann)
        await again.send("subscribe|A")
        try:
            expect(await hear(again), "Subscribed to tokens: A")
            break
        except websockets.exceptions.ConnectionClosed:
            await asyncio.sleep(0.01)
    else:
        raise AssertionError("a closed stream keeps its place")
    publishing.cancel()
    for stream in three[1:] + [again]:
        await stream.close()
    say("a place was freed")


async def restart():
    """Two publishers; one goes and comes back, and nobody has to do anything."""
    a, b = Publisher(), Publisher()
    base = server(a, b)
    bearer = register(base, "ann")
    first = asyncio.create_task(a.run("A"))
    second = asyncio.create_task(b.run("B"))
    await known(base, bearer, "A", "B")
    stream = await open_stream(base, "/api/v1/stream", bearer)
    expect(await ask(stream, "subscribe|A,B"), "Subscribed to tokens: A, B")
    await ticks(stream, "A", 50)
    await ticks(stream, "B", 50)
    say("two endpoints")
    first.cancel()
    a.close()
    await ticks(stream, "B", 200)
    say("one of them, while the other is gone")
    a.open(a.endpoint)
    first = asyncio.create_task(a.run("A"))
    await ticks(stream, "A", 50)
    await ticks(stream, "B", 50)
    say("both again")
    first.cancel()
    second.cancel()
    await stream.close()


async def control():
    """azira feed, as AziraClient uses it: its bus, and a request for a new token."""
    pub, rep = sys.argv[2:4]
    say("feed", pub)
    base = sys.stdin.readline().strip()
    bearer = register(base, "ann")
    bus = ctx.socket(zmq.SUB)
    bus.setsockopt(zmq.RCVTIMEO, TIMEOUT * 1000)
    bus.setsockopt_string(zmq.SUBSCRIBE, "NEW:1")
    bus.connect(pub)
    stream = await open_stream(base, "/api/trigger/ws/ann", bearer)
    requests = ctx.socket(zmq.REQ)
    requests.setsockopt(zmq.RCVTIMEO, TIMEOUT * 1000)
    requests.connect(rep)
    requests.send_json({"function": "addto_Feed", "payload": {"tokens": ["NEW:1"]}})
    expect(requests.recv_json(), {"status": True, "error": False, "data": ["NEW:1"],
                                  "message": "Data Received."})
    topic, data = bus.recv_string().split(" & ", 1)
    expect((topic, json.loads(data)["token"]), ("NEW:1", "NEW:1"))
    say("a token added, seen on the bus")
    await known(base, bearer, "NEW:1")
    expect(await ask(stream, "subscribe|NEW:1"), "Subscribed to tokens: NEW:1")
    tick = json.loads(await hear(stream))
    expect(sorted(tick), ["bestaskprice", "bestbidprice", "ltp", "token"])
    say("and in the stream")
    for bad in ({"function": "addto_Feed", "payload": {"tokens": "NEW:2"}}, {"function": "x"}, []):
        requests.send_json(bad)
        answer = requests.recv_json()
        expect((answer["status"], answer["error"]), (False, True))
    say("bad requests answered")
    requests.send_json({"function": "terminate"})
    expect(requests.recv_json()["status"], True)
    await stream.close()
    say("terminated")


asyncio.run({f.__name__: f for f in (whole, refusals, restart, control)}[sys.argv[1]]())
