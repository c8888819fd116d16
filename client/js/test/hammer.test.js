import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openStream } from '../index.js';
import { pause, until } from './check.js';
import { startFake } from './fake.js';
import { findWebSocket } from './websocket.js';

const WebSocket = await findWebSocket();
const tokens = ['A', 'B', 'C', 'D'];

/**
 * The naive twin: it sees only what a consumer sees, and holds that to be whole.
 * Every tick follows the one before it, or what lies between was told.
 */
class Twin {
  at = new Map();
  seen = 0; // told of in any way

  constructor(stream) {
    stream.on('tick', (t) => this.move(t.token, t.seq, t.seq));
    stream.on('skip', (e) => this.move(e.token, e.seq - e.count, e.seq - 1));
    stream.on('gap', (e) => {
      if (e.reason === 'epoch') this.at.set(e.token, 0);
      if (e.to >= e.from) this.move(e.token, e.from, e.to);
    });
    stream.on('snap', (t) => {
      if (t.seq > this.at.get(t.token)) this.move(t.token, this.at.get(t.token) + 1, t.seq);
    });
  }

  move(token, from, to) {
    assert.equal(from, this.at.get(token) + 1, `${token} goes on with ${from}…${to}`);
    this.at.set(token, to);
    this.seen += to - from + 1;
  }
}

for (const dialect of ['azira.v1.json', 'azira.v1.bin']) {
  test(`${dialect}: whatever happens, the consumer sees all or is told`, {
    skip: !WebSocket, timeout: 60_000 }, async (t) => {
    const fake = await startFake();
    t.after(() => fake.close());
    fake.control({ do: 'reset', tokens, ring: 30, hb_ms: 40, beats: true, piece: 3 });
    const errors = [];
    const s = await openStream({ server: fake.server, dialect, WebSocket,
      credential: async () => ({ ticket: 'x' }), backoff: { min: 1, max: 10 },
      onError: (e) => errors.push(e) });
    t.after(() => s.close());
    const twin = new Twin(s);
    await s.subscribe(tokens);
    for (const token of tokens) twin.at.set(token, 0);
    await hammer(fake, 3000);
    await until(() => s.complete() === true, 'complete');
    assert.deepEqual(errors, []);
    const p = s.proof();
    assert.equal(p.received + p.skipped + p.gapped, p.published);
    assert.equal(p.published, twin.seen);
    assert.equal(p.lost, 0);
    for (const token of tokens) assert.equal(twin.at.get(token), s.account(token).last);
  });
}

async function hammer(fake, ms) {
  const pick = (n) => Math.floor(Math.random() * n);
  for (const end = Date.now() + ms; Date.now() < end;) {
    const token = tokens[pick(tokens.length)];
    const roll = pick(200);
    if (roll < 150) fake.control({ do: 'publish', token, n: 1 + pick(4) });
    else if (roll < 170) fake.control({ do: 'publish', token, n: 1 + pick(4), how: 'conflated' });
    else if (roll < 175) fake.control({ do: 'publish', token, n: 1 + pick(3), how: 'lost' });
    else if (roll < 179) fake.control({ do: 'cut' });
    else if (roll < 180) fake.control({ do: 'restart', published: pick(5) });
    if (pick(3) === 0) await pause(pick(4));
  }
}
