import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Auth, HttpError, openStream } from '../index.js';
import { failure, pause, record, until } from './check.js';
import { noBrowser, show } from './chromium.js';
import { startFake } from './fake.js';
import { bin, startServer, tokens } from './server.js';
import { Twin } from './twin.js';
import { findWebSocket } from './websocket.js';

const WebSocket = await findWebSocket();
const skip = bin && WebSocket ? false : 'AZIRA_BIN names no server';
const dialects = ['azira.v1.json', 'azira.v1.bin'];
const backoff = { min: 20, max: 200 };

let real;
let keeper;
const opened = [];

async function open(options) {
  const s = await openStream({ server: real.server, WebSocket, credential: keeper.credential,
    hbMs: 500, backoff, ...options });
  opened.push(s);
  return s;
}

/** Subscribes to all tokens, with a twin that watches. */
async function watched(options) {
  const s = await open({ onError: (e) => errors.push(e), ...options });
  const errors = [];
  const twin = new Twin(s);
  const seen = record(s);
  const { ok } = await s.subscribe(tokens);
  for (const { token, seq } of ok) twin.begin(token, seq);
  return { s, seen, twin, errors, got: ok.length };
}

async function proven(s) {
  const beats = [];
  s.on('hb', (e) => beats.push(e));
  await until(() => beats.length >= 2, 'two beats');
  await until(() => s.complete() === true, `complete: ${JSON.stringify(s.proof())}`);
  const p = s.proof();
  assert.equal(p.received + p.skipped + p.gapped, p.published);
  assert.equal(p.lost + p.doubled + p.strays + p.unreadable, 0);
}

before(async () => {
  if (skip) return;
  real = await startServer();
  const auth = new Auth(real.server);
  await auth.register('jürgen', 'long enough');
  keeper = auth.keep(await auth.login('jürgen', 'long enough'));
  for (let known = []; known.length < tokens.length; await pause(50)) {
    known = await auth.tokens(await keeper.bearer());
  }
});
after(() => real?.close());

/** A WebSocket that drops every tenth tick while way.isLossy. */
function lossy(way) {
  let ticks = 0;
  const isTick = (data) => typeof data !== 'string' || data.includes('"type":"tick"');
  return class extends WebSocket {
    set onmessage(f) {
      super.onmessage = f && ((m) => {
        const drops = way.isLossy && isTick(m.data) && ++ticks % 10 === 0;
        if (drops) way.dropped++;
        else f(m);
      });
    }
  };
}

function it(name, run) {
  test(name, { skip, timeout: 60_000 }, async () => {
    try {
      await run();
    } finally {
      for (const s of opened.splice(0)) s.close();
      await pause(50); // the server frees their places
    }
  });
}

it('accounts: refusals and renewal', async () => {
  const auth = new Auth(real.server);
  assert.ok(await failure(auth.register('jürgen', 'long enough')) instanceof HttpError);
  assert.equal((await failure(auth.login('jürgen', 'not this one'))).status, 400);
  const cred = await auth.login('jürgen', 'long enough');
  const next = await auth.refresh(cred.refreshToken);
  assert.notEqual(next.refreshToken, cred.refreshToken);
  await auth.logout(next.bearer);
  assert.equal((await failure(auth.ticket(next.bearer))).status, 401);
});

for (const dialect of dialects) {
  it(`${dialect}: two heartbeats prove it; options, list, ping`, async () => {
    const { s, got, errors } = await watched({ dialect });
    assert.equal(got, tokens.length);
    await proven(s);
    await s.subscribe(tokens[0], { mode: 'ltp', maxRate: 2 });
    const held = await s.list();
    assert.deepEqual(held.map((t) => t.token).sort(), [...tokens].sort());
    const first = held.find((t) => t.token === tokens[0]);
    assert.deepEqual([first.mode, first.max_rate], ['ltp', 2]);
    assert.ok(Math.abs((await s.ping()).ts / 1000 - Date.now()) < 5000);
    const { ok, failed } = await s.subscribe(['no such', tokens[1]]);
    assert.deepEqual([ok.length, failed[0].code], [1, 102]);
    await pause(1500);
    await proven(s);
    assert.ok(s.account(tokens[0]).skipped > 0, 'the rate is held');
    await s.unsubscribe(tokens[0]);
    assert.equal((await s.unsubscribe(tokens[0])).failed[0].code, 107);
    assert.equal((await s.unsubscribe('*')).ok.length, 2);
    assert.deepEqual(errors, []);
  });

  it(`${dialect}: cuts cost nothing`, async () => {
    const { s, seen, errors } = await watched({ dialect });
    for (let n = 1; n <= 4; n++) {
      await pause(300);
      real.cut();
      await until(() => s.connects === n + 1 && s.connected, 'back');
    }
    await proven(s);
    assert.deepEqual([errors, seen.all('gap'), seen.all('incomplete')], [[], [], []]);
  });

  it(`${dialect}: what is lost on the way is had again, in order`, async () => {
    const way = { isLossy: false, dropped: 0 };
    const { s, seen, errors } = await watched({ dialect, WebSocket: lossy(way) });
    way.isLossy = true;
    await pause(2500);
    way.isLossy = false;
    await until(() => s.complete() === true, 'complete');
    await proven(s);
    assert.ok(way.dropped > 3 && seen.all('incomplete').length > 1, `${way.dropped} dropped`);
    assert.deepEqual([errors, seen.all('gap'), s.connects], [[], [], 1]);
  });

  it(`${dialect}: a server killed and started again: gap, snap, complete`, async () => {
    const { s, seen, errors } = await watched({ dialect });
    await proven(s);
    await real.stop('SIGKILL');
    await real.start();
    await until(() => s.connects === 2 && s.connected, 'back');
    await proven(s);
    assert.equal(seen.all('connected').at(-1).newEpoch, true);
    const told = seen.all('gap').filter((g) => g.reason === 'epoch').map((g) => g.token);
    assert.deepEqual(told.sort(), [...tokens].sort());
    assert.deepEqual([errors, seen.all('refused'), seen.all('incomplete')], [[], [], []]);
  });
}

it('drain: the stream is back at its instant', async () => {
  const { s, seen, errors } = await watched({});
  await pause(300);
  const stopped = real.stop('SIGTERM');
  await until(() => seen.all('lost').length > 0, 'lost');
  await stopped;
  await real.start();
  await until(() => s.connects === 2 && s.connected, 'back');
  await proven(s);
  assert.equal(seen.all('drain').length, 1);
  assert.equal(seen.all('lost')[0].code, 1012);
  assert.deepEqual(errors, []);
});

it('both dialects tell the same prices', async () => {
  const all = dialects.map(() => new Map());
  for (const [i, dialect] of dialects.entries()) {
    const s = await open({ dialect });
    s.on('tick', (t) => {
      all[i].set(`${t.token} ${t.seq} ${t.ts}`, [t.ltp, t.bid, t.ask]);
    });
    await s.subscribe(tokens);
  }
  await pause(1000);
  const both = [...all[0]].filter(([key]) => all[1].has(key));
  assert.ok(both.length > 30, `${both.length} ticks in common`);
  for (const [key, prices] of both) {
    const others = all[1].get(key);
    prices.forEach((p, i) => assert.ok(p.equals(others[i]), `${key}: ${p} and ${others[i]}`));
  }
});

test('a page of another origin', { skip: skip || noBrowser, timeout: 60_000 }, async (t) => {
  const fake = await startFake();
  t.after(() => fake.close());
  const query = new URLSearchParams({ server: real.server });
  for (const token of tokens) query.append('token', token);
  const { left } = show(t, `${fake.server}/test/page.html?${query}`);
  const { error, visits, wrong } = await Promise.race([fake.reported, left]);
  assert.equal(error, undefined);
  assert.equal(wrong, 400);
  for (const { dialect, held, prices, report } of visits) {
    assert.equal(held, tokens.length, dialect);
    assert.ok(prices.length > 5 && prices.every((p) => /^\d+\.?\d*$/.test(p)), `${prices}`);
    assert.equal(report.complete, true);
    assert.equal(report.received + report.skipped, report.published);
  }
});

it('one stream too many is refused for good', async () => {
  for (let i = 0; i < 3; i++) await open();
  const error = await failure(open());
  assert.deepEqual([error.code, error.reason], [1008, 'connection limit 3 reached']);
});
