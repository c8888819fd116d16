// What a stream has to do, told once and run in Node and in browsers, in both
// dialects. Each scenario gets a fresh fake world:
//
//   control(command)   what the fake server does next
//   open(options)      a stream to it, closed afterwards
//   dialect            the one to test

import { equal, failure, ok, pause, record, until } from './check.js';
import { people } from './people.js';

const quick = { min: 5, max: 20 }; // back-off, ms
const range = (from, to) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

export const scenarios = {
  async 'subscribes, gets snap and ticks with exact prices'({ open, control, dialect }) {
    await control({ do: 'publish', token: 'A', n: 3 });
    const s = await open({ hbMs: 700 });
    equal(s.welcome.hb_ms, 700, 'hb_ms');
    const seen = [];
    s.on('snap', (t) => seen.push(t));
    s.on('tick', (t) => seen.push(t));
    const ack = await s.subscribe(['A', 'X']);
    equal(ack.ok.map((o) => [o.token, o.seq]), [['A', 3]], 'ok');
    equal(ack.failed.map((f) => [f.token, f.code]), [['X', 102]], 'failed');
    await control({ do: 'publish', token: 'A' });
    await until(() => seen.length === 2, 'snap and tick');
    equal(seen.map((t) => [t.type, t.token, t.seq]), [['snap', 'A', 3], ['tick', 'A', 4]], 'seen');
    equal([seen[1].ltp, seen[1].bid, seen[1].ask].map(String), ['100.28', '100.23', '100.33'],
      'prices');
    ok(Math.abs(seen[1].ts / 1000 - Date.now()) < 60_000, 'ts is now, in µs');
    if (dialect === 'azira.v1.json') {
      equal(seen[1].data.note, 'ä, "}', 'note');
      ok(seen[1].text.startsWith('{"token":"A", "ltp":100.28,'), 'text is as it was sent');
    }
    equal((await s.list()).map((t) => t.token), ['A'], 'list');
    ok((await s.ping()).ts > 1e15, 'pong has a time');
    equal(await s.auth('b'), { expiresIn: 1800 }, 'auth');
    equal((await s.unsubscribe('A')).ok.length, 1, 'given up');
    equal(s.tokens, [], 'tokens');
  },

  async 'mode ltp has ltp alone'({ open, control }) {
    const s = await open();
    const box = s.ticks();
    await s.subscribe('A', { mode: 'ltp' });
    await control({ do: 'publish', token: 'A' });
    const { value: t } = await box.next();
    equal([String(t.ltp), t.bid, t.ask, t.data, t.text], ['100.07', null, null, undefined,
      undefined], 'tick');
  },

  async 'large requests are cut, pieces of answers are put together'({ open, control }) {
    const tokens = range(1, 900).map((i) => `NSE:${i}:${'é'.repeat(20)}`);
    await control({ do: 'reset', tokens, piece: 7, subscribe_bytes: 20_000 });
    const s = await open();
    const ack = await s.subscribe([...tokens, 'X']);
    equal([ack.ok.length, ack.failed.length, ack.count], [900, 1, 900], 'ack');
    await control({ do: 'cut' });
    await until(() => s.connects === 2 && s.connected, 'back');
    const { ops } = await control({ do: 'log' });
    const most = Math.max(...ops.map((o) => o.bytes));
    ok(ops.length > 5 && most <= 20_000 && most > 19_000, `requests are near the limit: ${most}`);
    equal((await s.unsubscribe(tokens)).ok.length, 900, 'given up');
    const after = (await control({ do: 'log' })).ops.filter((o) => o.op === 'unsubscribe');
    ok(Math.max(...after.map((o) => o.bytes)) <= 4096, 'unsubscribe is at most 4096 bytes');
    await s.subscribe(tokens.slice(0, 30));
    equal((await s.unsubscribe('*')).ok.length, 30, 'all given up');
  },

  async 'an hb proves, skips included'({ open, control }) {
    const s = await open();
    const seen = record(s);
    await s.subscribe(['A', 'B']);
    equal(s.complete(), undefined, 'before the first hb');
    await control({ do: 'publish', token: 'A', n: 5 });
    await control({ do: 'publish', token: 'B', n: 4, how: 'conflated' });
    await control({ do: 'hb' });
    await until(() => s.complete() === true, 'complete');
    equal(seen.all('skip').map((e) => [e.token, e.count, e.seq]), [['B', 3, 4]], 'skip');
    const p = s.proof();
    equal([p.published, p.received, p.skipped, p.lost, p.hb.sum], [9, 6, 3, 0, 9], 'proof');
    equal(s.account('B').skipped, 3, 'account of B');
    equal(seen.all('complete').length, 1, 'complete events');
    equal(seen.all('feed').map((e) => e.feed), ['live'], 'feed events');
  },

  async 'a lost tick is noticed by the next one, and healed in order'({ open, control }) {
    const s = await open();
    const seen = record(s);
    await s.subscribe(['A', 'B']);
    await control({ do: 'publish', token: 'A', n: 2 });
    await control({ do: 'publish', token: 'A', n: 2, how: 'lost' });
    await control({ do: 'publish', token: 'A', n: 3 });
    await until(() => seen.ticks.A?.length === 7, 'all ticks');
    equal(seen.ticks.A, range(1, 7), 'ticks');
    const [event, ...more] = seen.all('incomplete');
    equal(more, [], 'it is told once');
    equal([event.cause, event.token, event.from, event.to], ['tick', 'A', 3, 4], 'incomplete');
    await control({ do: 'hb' });
    await until(() => s.complete() === true, 'complete');
    equal([s.proof().lost, s.proof().received], [0, 7], 'proof');
  },

  async 'ticks lost before options are changed are noticed by the ack'({ open, control }) {
    const s = await open();
    const seen = record(s);
    await s.subscribe('A');
    await control({ do: 'publish', token: 'A', n: 1 });
    await control({ do: 'publish', token: 'A', n: 3, how: 'lost' });
    await s.subscribe('A', { mode: 'ltp' });
    await control({ do: 'publish', token: 'A', n: 1 });
    await until(() => seen.ticks.A?.length === 5, 'all ticks');
    equal(seen.ticks.A, range(1, 5), 'ticks');
    equal(seen.all('incomplete'), [{ cause: 'ack', token: 'A', from: 2, to: 4 }], 'incomplete');
    await control({ do: 'hb' });
    await until(() => s.complete() === true, 'complete');
    equal([s.proof().lost, s.proof().skipped, s.proof().received], [0, 0, 5], 'proof');
    equal(s.account('A').mode, 'ltp', 'mode');
  },

  async 'a lost last tick is noticed by the hb; healing is not repeated at once'(t) {
    const { open, control } = t;
    const s = await open();
    const seen = record(s);
    await s.subscribe(['A', 'B']);
    await control({ do: 'publish', token: 'A', n: 2 });
    await control({ do: 'publish', token: 'B', n: 1, how: 'lost' });
    await control({ do: 'hb' });
    await until(() => seen.ticks.B?.length === 1, 'B is healed');
    equal(seen.all('incomplete').map((e) => [e.cause, e.difference]), [['sum', 1]], 'incomplete');
    equal(s.complete(), undefined, 'until the next hb');
    await control({ do: 'hb', add: 5 });
    await until(() => seen.all('incomplete').length === 2, 'wrong again');
    await control({ do: 'hb', add: 5 });
    await s.ping();
    equal(s.complete(), false, 'with a wrong sum');
    equal(s.proof().holes.map((h) => [h.token, h.cause]), [['A', 'sum'], ['B', 'sum']], 'holes');
    const { ops } = await control({ do: 'log' });
    equal(ops.filter((o) => o.from).length, 1, 'resumes within one hb interval');
  },

  async 'a resume after a cut: nothing missed, nothing doubled'({ open, control }) {
    const s = await open({ backoff: quick });
    const seen = record(s);
    await s.subscribe('A', { maxRate: 4 });
    await s.subscribe('B', { mode: 'ltp' });
    for (let i = 0; i < 5; i++) {
      await control({ do: 'publish', token: 'A', n: 3 });
      await control({ do: 'cut' });
      await control({ do: 'publish', token: 'A', n: 4 });
      await control({ do: 'publish', token: 'B', n: 1 });
      await until(() => s.connects === i + 2 && s.connected, 'back');
    }
    await until(() => seen.ticks.A.length >= 35 && seen.ticks.B?.length >= 5, 'all of both');
    equal(seen.ticks, { A: range(1, 35), B: range(1, 5) }, 'ticks');
    equal(seen.all('gap'), [], 'gaps');
    equal(seen.all('lost').map((e) => e.code), Array(5).fill(1006), 'lost');
    await control({ do: 'hb' });
    await until(() => s.complete() === true, 'complete');
    equal([s.proof().doubled, s.proof().lost, s.proof().published], [0, 0, 40], 'proof');
    const { ops, opens } = await control({ do: 'log' });
    const last = ops.findLast((o) => o.from?.A !== undefined);
    equal([last.mode, last.max_rate], ['full', 4], 'options of the resume');
    equal(new Set(opens.map((o) => o.ticket)).size, 6, 'a ticket for each opening');
  },

  async 'a ring that moved on: gap, snap, and on'({ open, control }) {
    await control({ do: 'reset', ring: 3 });
    const s = await open({ backoff: quick });
    const seen = record(s);
    await s.subscribe('A');
    await control({ do: 'publish', token: 'A', n: 2 });
    await until(() => seen.ticks.A?.length === 2, 'ticks');
    await control({ do: 'cut' });
    await control({ do: 'publish', token: 'A', n: 9 });
    await until(() => seen.snaps.A, 'snap');
    await control({ do: 'publish', token: 'A' });
    await control({ do: 'hb' });
    await until(() => s.complete() === true, 'complete');
    equal([seen.ticks.A, seen.snaps.A], [[1, 2, 12], [11]], 'seen');
    equal(seen.all('gap').map((g) => [g.from, g.to, g.reason]), [[3, 10, 'ring']], 'gap');
    const p = s.proof();
    equal([p.published, p.received, p.gapped, p.lost], [12, 4, 8, 0], 'proof');
  },

  async 'another run of the server: gap, snap, and complete again'({ open, control }) {
    const s = await open({ backoff: quick });
    const seen = record(s);
    await s.subscribe(['A', 'B', 'C']);
    await control({ do: 'publish', token: 'A', n: 4 });
    await control({ do: 'publish', token: 'B', n: 4 });
    await until(() => seen.ticks.B?.length === 4, 'ticks');
    await control({ do: 'restart', published: 0 });
    await until(() => seen.snaps.B, 'snap');
    await control({ do: 'publish', token: 'A', n: 2 });
    await control({ do: 'restart', published: 3 });
    await until(() => seen.snaps.C, 'snap of C');
    await control({ do: 'publish', token: 'C', n: 1 });
    await control({ do: 'hb' });
    await until(() => s.complete() === true, 'complete');
    equal(seen.snaps, { A: [0, 3], B: [0, 3], C: [3] }, 'snaps');
    equal([seen.ticks.A, seen.ticks.C], [[1, 2, 3, 4, 1, 2], [4]], 'ticks');
    const [first, last] = [seen.all('gap')[0], seen.all('gap').at(-1)];
    equal([first.from, first.to, last.from, last.to], [1, -1, 1, 2], 'gaps');
    const p = s.proof();
    equal([p.published, p.received + p.gapped, p.lost], [4 + 4 + 2 + 9 + 1, 20, 0], 'proof');
    equal(seen.all('connected').map((e) => e.newEpoch).slice(-2), [true, true], 'newEpoch');
  },

  async 'without a connection nothing is known'({ open, control }) {
    const s = await open({ backoff: { min: 400, max: 400, random: () => 1 } });
    const seen = record(s);
    await s.subscribe('A');
    await control({ do: 'hb' });
    await until(() => s.complete() === true, 'complete');
    equal(s.feed, 'live', 'feed');
    await control({ do: 'cut' });
    await until(() => seen.all('lost').length === 1, 'lost');
    equal([s.connected, s.complete(), s.feed], [false, undefined, undefined], 'in the outage');
    await until(() => s.connected, 'back');
    equal([s.complete(), s.feed], [undefined, undefined], 'before the first hb');
    await control({ do: 'hb' });
    await until(() => s.complete() === true, 'complete again');
    equal(seen.all('feed').map((e) => [e.before, e.feed]),
      [[undefined, 'live'], ['live', undefined], [undefined, 'live']], 'feed events');
  },

  async 'names that cannot be tokens are refused beforehand'({ open, control }) {
    const s = await open();
    const long = 'é'.repeat(32);
    for (const bad of [`${long}x`, 'A,B', 'A|B', 'A&B', 'A\nB', 'A\u00a0B', '\ud800', ' ', '', 7]) {
      for (const asked of [s.subscribe(['A', bad]), s.unsubscribe(['A', bad])]) {
        equal((await failure(asked)).name, 'TypeError', JSON.stringify(bad));
      }
    }
    const { ops } = await control({ do: 'log' });
    equal(ops, [], 'requests');
    const { ok: held, failed } = await s.subscribe([' A ', 'A', long, 'a b/+#']);
    equal([held.map((o) => o.token), failed.map((f) => f.token)], [['A'], [long, 'a b/+#']],
      'names are trimmed, and once');
  },

  async 'drain is honoured to the instant'({ open, control }) {
    const s = await open({ backoff: quick });
    const seen = record(s);
    await s.subscribe('A');
    const { now } = await control({ do: 'log' });
    await control({ do: 'drain', ms: 400, closeMs: 50 });
    await until(() => s.connects === 2 && s.connected, 'back');
    const { opens } = await control({ do: 'log' });
    const after = opens[1].at - now;
    ok(after >= 400 && after < 2000, `reconnected after ${after} ms, asked for 400`);
    equal([seen.all('lost')[0].code, seen.all('drain').length], [1012, 1], 'lost');
  },

  async 'final codes end the stream, others do not'({ open, control }) {
    for (const code of [1002, 1003, 1007, 1008, 1009, 3501, 3503, 3507, 1000]) {
      const s = await open({ backoff: quick });
      const seen = record(s);
      const waiting = failure(s.ticks().next().then((r) => Promise.reject(r)));
      await control({ do: 'close', code, reason: `because ${code}` });
      await until(() => s.ended, 'end');
      equal([s.ended.code, s.ended.reason], [code, `because ${code}`], 'ended');
      equal([seen.all('end').length, seen.all('lost').length], [1, 0], 'events');
      equal((await waiting).done, true, 'iterator is done');
      equal((await failure(s.subscribe('A'))).name, 'EndedError', 'subscribe fails');
    }
    const s = await open({ backoff: quick });
    for (const code of [1001, 1011, 1012, 1013, 3005, 3008]) {
      const n = s.connects;
      await control({ do: 'close', code });
      await until(() => s.connects === n + 1 && s.connected, `back after ${code}`);
    }
  },

  async 'requests wait: 111 is tried again, order is kept, the rate is held'({ open, control }) {
    await control({ do: 'reset', ops_per_s: 50, ops_burst: 3 });
    const s = await open();
    await control({ do: 'set', refuse: { n: 2, retry_ms: 60 } });
    const started = Date.now();
    const [a, u] = await Promise.all([s.subscribe('A'), s.unsubscribe('A')]);
    equal([a.ok.length, u.ok.length, s.tokens.length], [1, 1, 0], 'acks');
    ok(Date.now() - started >= 115, 'retry_ms was waited for twice');
    await pause(100); // the burst is there again
    const from = Date.now();
    await Promise.all(range(1, 9).map(() => s.ping()));
    const ms = Date.now() - from;
    ok(ms >= 95 && ms < 3000, `9 requests with a burst of 3 and 50/s took ${ms} ms`);
  },

  async 'a request that the connection took with it is made again'({ open, control }) {
    const s = await open({ backoff: quick });
    await control({ do: 'set', muted: true });
    const asked = s.subscribe(['A', 'B']);
    await pause(30);
    await control({ do: 'set', muted: false });
    await control({ do: 'cut' });
    equal((await asked).ok.length, 2, 'ok');
    equal((await failure(s.subscribe([]))).name, 'TypeError', 'no tokens');
  },

  async 'silence ends a connection'({ open, control }) {
    await control({ do: 'reset', hb_ms: 200, beats: true });
    const s = await open({ backoff: quick });
    const seen = record(s);
    let heard;
    s.on('hb', () => {
      heard = Date.now();
    });
    await s.subscribe('A');
    await pause(800);
    await until(() => s.complete(), 'complete');
    equal(s.connects, 1, 'connects');
    await control({ do: 'set', muted: true });
    await until(() => seen.all('lost').length > 0, 'lost');
    ok(Date.now() - heard >= 595, 'not before 3 hb_ms');
    equal([seen.all('lost')[0].code, s.complete()], [1006, undefined], 'lost');
    await control({ do: 'set', muted: false });
    await control({ do: 'cut' });
    await until(() => s.connected && s.complete(), 'complete again');
  },

  async 'unknown after a restart: asked for again until it is known'({ open, control }) {
    await control({ do: 'reset', hb_ms: 60, beats: true });
    const s = await open({ backoff: quick });
    const seen = record(s);
    await s.subscribe(['A', 'B']);
    await control({ do: 'remove', token: 'B' });
    await control({ do: 'restart' });
    await until(() => s.connected && s.complete() === false, 'incomplete');
    equal(s.tokens, ['A', 'B'], 'tokens');
    await control({ do: 'add', token: 'B' });
    await control({ do: 'publish', token: 'B', n: 2, how: 'lost' });
    await until(() => seen.snaps.B ?? seen.ticks.B, 'snap of B, or ticks if it was healed before');
    await until(() => s.complete() === true, 'complete');
  },

  async 'a slow consumer gets the newest of each token'({ open, control }) {
    const s = await open();
    const box = s.ticks({ buffer: 10 });
    await s.subscribe(['A', 'B']);
    await control({ do: 'publish', token: 'B', n: 1 });
    await control({ do: 'publish', token: 'A', n: 40 });
    await s.ping();
    const got = [];
    while (box.size > 0) got.push((await box.next()).value);
    equal(got[0].token, 'B', 'first');
    equal(got.at(-1).seq, 40, 'newest of A');
    ok(got.length <= 10, `${got.length} waited`);
    equal(got.length + box.conflated, 41, 'received');
    const later = (async () => {
      for await (const t of box) return t.seq;
    })();
    await control({ do: 'publish', token: 'A' });
    equal(await later, 41, 'a waiting consumer');
    equal((await box.next()).done, true, 'after break');
  },

  async 'what listeners throw, and bytes that are nonsense, cost nothing'({ open, control }) {
    const thrown = [];
    const s = await open({ onError: (error, name) => thrown.push([error.message, name]) });
    s.on('tick', () => {
      throw new Error('mine');
    });
    s.on('snap', () => Promise.reject(new Error('later')));
    const seen = record(s);
    await control({ do: 'publish', token: 'A' });
    await s.subscribe('A');
    const stray = { type: 'tick', token: 'Z', seq: 1 };
    for (const event of ['{', '[]', 'null', '7', { type: 'new' }, stray]) {
      await control({ do: 'send', event });
    }
    await control({ do: 'bytes', hex: '01' });
    await control({ do: 'bytes', hex: '8163010100' + '00' });
    await control({ do: 'send', event: { type: 'msg', id: 'm1', from: 'v', content: 'hi' } });
    const feed = { type: 'gap', token: 'A', from: 90, to: 99, reason: 'feed' };
    await control({ do: 'send', event: feed });
    await control({ do: 'publish', token: 'A' });
    await control({ do: 'set', feed: 'stale' });
    await control({ do: 'hb' });
    await until(() => s.complete() === true, 'complete');
    equal(thrown, [['later', 'snap'], ['mine', 'tick']], 'thrown');
    equal(seen.ticks.A, [2], 'ticks');
    equal(seen.all('message').map((m) => m.content), ['hi'], 'messages');
    equal(seen.all('gap'), [feed], 'gaps');
    equal([s.feed, s.proof().unreadable, s.proof().strays], ['stale', 3, 2], 'counts');
  },

  ...people,
};
