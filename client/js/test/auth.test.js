import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Auth, HttpError, openStream } from '../index.js';
import { failure, record, until } from './check.js';
import { startFake } from './fake.js';
import { findWebSocket } from './websocket.js';

const WebSocket = await findWebSocket();
const backoff = { min: 5, max: 20 };
let fake;
let auth;
let keeper;

before(async () => {
  fake = await startFake();
  auth = new Auth(fake.server);
});
after(() => fake.close());

test('accounts and credentials', async () => {
  await auth.register('ann', 'long enough');
  const taken = await failure(auth.register('taken', 'long enough'));
  assert.ok(taken instanceof HttpError);
  assert.deepEqual([taken.status, taken.detail], [400, 'Username already registered']);
  assert.equal((await failure(auth.register('ann', 'short'))).detail, 'too short');
  const wrong = await failure(auth.login('ann', 'wrong'));
  assert.equal(wrong.message, 'login: Invalid username or password (400)');
  const cred = await auth.login('ann', 'long enough');
  assert.match(cred.bearer, /^bearer-/);
  assert.ok(cred.expiresAt > Date.now() && cred.expiresAt <= Date.now() + 30_000);
  assert.deepEqual(await auth.tokens(cred.bearer), ['A', 'B', 'C']);
  keeper = auth.keep(cred);
});

test('a bearer is renewed before it ends, once for all who ask', async () => {
  const all = await Promise.all([keeper.bearer(), keeper.bearer(), keeper.bearer()]);
  assert.equal(new Set(all).size, 1);
  const { ticket } = await keeper.credential();
  assert.match(ticket, /^t\d+$/);
});

test('the first connection is not tried twice', { skip: !WebSocket }, async () => {
  fake.control({ do: 'deny', status: 503, n: 1 });
  const options = { server: fake.server, WebSocket, credential: keeper.credential };
  assert.equal((await failure(openStream(options))).status, 503);
  const bare = { ...options, credential: async () => ({}) };
  assert.equal((await failure(openStream(bare))).code, 1006);
  assert.equal((await failure(openStream({ ...options, dialect: 'x' }))).name, 'TypeError');
  assert.equal((await failure(openStream({ ...options, hbMs: 5 }))).name, 'RangeError');
});

test('a refused ticket: 503 is waited out, 401 is final', { skip: !WebSocket }, async (t) => {
  const s = await openStream({ server: fake.server, WebSocket, backoff,
    credential: keeper.credential });
  t.after(() => s.close());
  const seen = record(s);
  fake.control({ do: 'deny', status: 503, n: 1, retryAfter: 1 });
  const from = Date.now();
  fake.control({ do: 'cut' });
  await until(() => s.connects === 2 && s.connected, 'back');
  assert.ok(Date.now() - from >= 1000, 'Retry-After was waited for');
  assert.equal(seen.all('lost')[1].error.status, 503);
  fake.control({ do: 'deny', status: 401, n: 9 });
  fake.control({ do: 'cut' });
  await until(() => s.ended, 'end');
  assert.equal(s.ended.error.status, 401);
  fake.control({ do: 'reset' });
});

test('a username takes the path of its own', { skip: !WebSocket }, async () => {
  const s = await openStream({ server: fake.server, WebSocket, username: 'a b/ä',
    credential: keeper.credential });
  s.close();
  const { path } = fake.control({ do: 'log' }).opens.at(-1);
  assert.equal(path, '/api/trigger/ws/a%20b%2F%C3%A4');
});
