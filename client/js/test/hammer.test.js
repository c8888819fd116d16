import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openStream } from '../index.js';
import { pause, until } from './check.js';
import { startFake } from './fake.js';
import { Twin } from './twin.js';
import { findWebSocket } from './websocket.js';

const WebSocket = await findWebSocket();
const tokens = ['A', 'B', 'C', 'D'];

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
    for (const token of tokens) twin.begin(token, 0);
    await hammer(fake, 3000);
    await until(() => s.complete() === true, 'complete');
    assert.deepEqual(errors, []);
    const p = s.proof();
    assert.equal(p.received + p.skipped + p.gapped, p.published);
    assert.equal(p.published, twin.seen);
    assert.equal(p.lost, 0);
    for (const token of tokens) assert.equal(twin.place(token), s.account(token).last);
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
