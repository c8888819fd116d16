import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Proof } from '../proof.js';
import { Reader } from '../reader.js';
import { resumes } from '../requests.js';

const limits = { subscribe_bytes: 131_072 };

/** A Proof with a Reader before it, and what the consumer would see. */
function account(epoch = 1) {
  const proof = new Proof();
  const seen = [];
  const reader = new Reader(proof, { hole() {}, beat() {}, emit(name, e) {
    if (name !== 'hb' && name !== 'feed') seen.push([name, e.token, e.seq ?? e.from]);
  } });
  const say = (event) => reader.event(event, JSON.stringify(event));
  const ack = (asked, event) => reader.ack(asked, event);
  proof.connected(epoch);
  return { proof, seen, say, ack, again: (e) => resumes(proof.entries(), { epoch: e, limits }) };
}

const tick = (seq) => ({ type: 'tick', token: 'A', seq, ts: 1, data: {} });
const snap = (seq) => ({ ...tick(seq), type: 'snap' });
const hb = (sum, pending = 0) => ({ type: 'hb', ts: 1, sum, pending, feed: 'live', age_ms: 1 });
const request = { op: 'subscribe', tokens: ['A'], mode: 'full', snapshot: true };
const acked = (seq, ref = 7) => ({ op: 'subscribe', ok: [{ token: 'A', ref, seq }], failed: [] });
const refused = (code) => ({ op: 'subscribe', ok: [], failed: [{ token: 'A', code, error: '' }] });

test('pending ticks are part of the sum', () => {
  const { proof, say } = account();
  proof.ack(request, acked(5));
  say(hb(7, 2));
  assert.equal(proof.complete(), true);
  say(hb(7, 1));
  assert.equal(proof.complete(), false);
});

test('a tick that comes again is counted and not given on', () => {
  const { proof, seen, say } = account();
  proof.ack(request, acked(0));
  for (const seq of [1, 2, 2, 1, 3]) say(tick(seq));
  assert.deepEqual(seen.map((e) => e[2]), [1, 2, 3]);
  const { received, doubled, last } = proof.account('A');
  assert.deepEqual([received, doubled, last], [3, 2, 3]);
});

test('what is broken is silent until it is resumed', () => {
  const { proof, seen, say, again } = account();
  proof.ack(request, acked(0));
  say(tick(1));
  say(tick(3));
  say(tick(4));
  say(snap(4));
  say({ type: 'skip', token: 'A', count: 1, seq: 6 });
  say({ type: 'gap', token: 'A', from: 2, to: 5, reason: 'ring' });
  assert.deepEqual(seen, [['tick', 'A', 1], ['incomplete', 'A', 2]]);
  assert.equal(proof.complete(), false);
  say(hb(6));
  const [resume] = again(1);
  assert.deepEqual({ ...resume.from }, { A: 1 });
  proof.ack(resume, acked(1));
  for (const seq of [2, 3, 4]) say(tick(seq));
  say(hb(4));
  assert.equal(proof.complete(), true);
});

test('an ack that is further on than what was told is a hole, healed with its options', () => {
  const { proof, seen, say, ack, again } = account();
  ack(request, acked(0));
  say(tick(1));
  ack({ ...request, mode: 'ltp' }, acked(4));
  say(snap(4));
  say(tick(5));
  assert.deepEqual(seen, [['tick', 'A', 1], ['incomplete', 'A', 2]]);
  assert.equal(proof.complete(), false);
  const [resume, anew] = again(1);
  assert.deepEqual([{ ...resume.from }, resume.mode, anew.tokens], [{ A: 1 }, 'ltp', ['A']]);
  ack(resume, acked(1));
  for (const seq of [2, 3, 4, 5]) say(tick(seq));
  ack(anew, acked(5));
  say(snap(5));
  say(hb(5));
  assert.equal(proof.complete(), true);
  const { published, received, skipped, lost } = proof.account('A');
  assert.deepEqual([published, received, skipped, lost], [5, 5, 0, 0]);
});

test('options changed while a token is broken do not mend it', () => {
  const { proof, seen, say, ack, again } = account();
  ack(request, acked(0));
  say(tick(2));
  ack(request, acked(2));
  say(tick(3));
  assert.deepEqual(seen, [['incomplete', 'A', 1]]);
  assert.deepEqual({ ...again(1)[0].from }, { A: 0 });
  assert.equal(proof.report().lost, 0);
});

for (const [name, event] of [['snap', snap(5)],
  ['skip of too few', { type: 'skip', token: 'A', count: 2, seq: 5 }],
  ['skip of too many', { type: 'skip', token: 'A', count: 4, seq: 5 }],
  ['gap', { type: 'gap', token: 'A', from: 3, to: 5, reason: 'ring' }]]) {
  test(`a ${name} that does not join on is a hole`, () => {
    const { proof, seen, say, ack } = account();
    ack(request, acked(0));
    say(tick(1));
    say(event);
    assert.deepEqual(seen, [['tick', 'A', 1], ['incomplete', 'A', 2]]);
    assert.equal(proof.complete(), false);
    const { last, skipped, gapped } = proof.account('A');
    assert.deepEqual([last, skipped, gapped], [1, 0, 0]);
  });
}

test('a snap that had to wait follows a skip and lacks nothing', () => {
  const { proof, seen, say, ack } = account();
  ack(request, acked(41));
  say({ type: 'skip', token: 'A', count: 2, seq: 44 });
  say(snap(44));
  say(hb(44));
  assert.deepEqual(seen.map((e) => e[0]), ['skip', 'snap', 'complete']);
  const { received, skipped } = proof.account('A');
  assert.deepEqual([received, skipped], [1, 2]);
});

test('cut between the ack and the gap of a new epoch: the old place is kept', () => {
  const { proof, say, again } = account();
  proof.ack(request, acked(0));
  say(tick(1));
  proof.connected(2);
  assert.equal(proof.ofRef(7), undefined, 'refs of before');
  const [first, ...more] = again(2);
  assert.deepEqual([first.epoch, { ...first.from }, more.length], [1, { A: 1 }, 0]);
  proof.ack(first, acked(9));
  proof.connected(2);
  const [second] = again(2);
  assert.deepEqual([second.epoch, { ...second.from }], [1, { A: 1 }]);
  proof.ack(second, acked(9));
  say({ type: 'gap', token: 'A', from: 1, to: 8, reason: 'epoch' });
  proof.connected(2);
  const [third] = again(2);
  assert.deepEqual([third.epoch, { ...third.from }], [2, { A: 8 }]);
  const { published, received, gapped } = proof.account('A');
  assert.deepEqual([published, received, gapped], [9, 1, 8]);
});

test('cut between the ack and its snap: resumed, and the snap is asked for again', () => {
  const { proof, say, again } = account();
  proof.ack(request, acked(5));
  proof.connected(1);
  const [resume, anew] = again(1);
  assert.deepEqual([{ ...resume.from }, anew.tokens, anew.snapshot], [{ A: 5 }, ['A'], true]);
  proof.ack(resume, acked(5));
  proof.ack(anew, acked(5));
  say(hb(5)); // so the token has no value
  proof.connected(1);
  assert.equal(again(1).length, 1);
});

test('complete is unknown while something is not resumed', () => {
  const { proof, say } = account();
  proof.ack(request, acked(5));
  say(hb(5));
  assert.equal(proof.complete(), true);
  proof.connected(1);
  say(hb(0));
  assert.equal(proof.complete(), undefined);
});

test('what can be neither repeated nor explained is lost, and stays so', () => {
  const { proof, say, again } = account();
  proof.ack(request, acked(0));
  say(tick(1));
  proof.connected(1);
  const [resume] = again(1);
  assert.deepEqual(proof.ack(resume, refused(107)).refused, []);
  assert.equal(proof.complete(), false);
  const [anew] = again(1);
  assert.equal(anew.from, undefined);
  proof.ack(anew, acked(4));
  say(snap(4));
  say(hb(4));
  assert.equal(proof.complete(), false);
  assert.deepEqual(proof.report().holes, [{ token: 'A', last: 4, lost: 3, cause: 'lost' }]);
});

test('refused for good: given up, and told', () => {
  const { proof, again } = account();
  proof.ack(request, acked(0));
  proof.connected(1);
  const [resume] = again(1);
  assert.deepEqual(proof.ack(resume, refused(103)).refused.map((f) => f.token), ['A']);
  assert.deepEqual(proof.entries(), []);
});

test('names of every kind survive a resume', () => {
  const { proof, again } = account();
  const names = ['__proto__', 'constructor', 'a"b', 'é'];
  const ok = names.map((token, i) => ({ token, ref: i, seq: i }));
  proof.ack({ ...request, tokens: names }, { op: 'subscribe', ok, failed: [] });
  const [resume] = again(1);
  const wire = JSON.stringify(resume);
  for (const [i, name] of names.entries()) {
    assert.ok(wire.includes(`${JSON.stringify(name)}:${i}`), name);
  }
  proof.ack(resume, { op: 'subscribe', ok, failed: [] });
  assert.equal(proof.report().lost, 0);
});
