import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Backoff, reconnects } from '../index.js';
import { Pace } from '../pace.js';
import { Timers } from '../timers.js';

test('pauses are random within bounds that double from 250 ms to 15 s', () => {
  const bounds = [250, 500, 1000, 2000, 4000, 8000, 15_000, 15_000];
  for (const r of [0, 0.25, 0.999]) {
    const b = new Backoff({ random: () => r });
    assert.deepEqual(bounds.map(() => b.next()), bounds.map((ms) => r * ms));
    b.reset();
    assert.equal(b.next(), r * 250);
  }
  const b = new Backoff();
  const many = Array.from({ length: 2000 }, () => {
    b.reset();
    return b.next();
  });
  assert.ok(many.every((ms) => ms >= 0 && ms < 250));
  const mean = many.reduce((a, ms) => a + ms) / many.length;
  assert.ok(Math.abs(mean - 125) < 10, `mean ${mean}`);
});

test('the server\'s own wish is the pause, with up to a quarter more', () => {
  for (const r of [0, 0.5, 1]) {
    const b = new Backoff({ random: () => r });
    for (let i = 0; i < 9; i++) b.next();
    assert.equal(b.next(2000), 2000 * (1 + r / 4));
    assert.equal(b.next(1e9), 300_000 * (1 + r / 4));
    assert.equal(b.next(), r * 15_000);
  }
});

test('the codes that reconnect are those of the protocol', () => {
  const all = Array.from({ length: 4000 }, (_, i) => 1000 + i).filter(reconnects);
  assert.deepEqual(all, [1001, 1006, 1011, 1012, 1013, 3005, 3008]);
});

/** A clock whose time is moved by hand. */
class Clock {
  time = 0;
  due = new Map();
  now() {
    return this.time;
  }
  setTimeout(f, ms) {
    const t = Symbol('timer');
    this.due.set(t, { f, at: this.time + ms });
    return t;
  }
  clearTimeout(t) {
    this.due.delete(t);
  }
  async run(ms) {
    for (const end = this.time + ms; this.time < end; this.time++) {
      for (const [t, { f, at }] of this.due) {
        if (at > this.time) continue;
        this.due.delete(t);
        f();
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

test('requests keep to the burst and then to the rate', async () => {
  const clock = new Clock();
  const pace = new Pace(new Timers(clock), { ops_per_s: 10, ops_burst: 5 });
  const sent = [];
  (async () => {
    for (let i = 0; i < 12; i++) {
      await pace.take();
      sent.push(clock.time);
    }
  })();
  await clock.run(1000);
  assert.deepEqual(sent.slice(0, 5), [0, 0, 0, 0, 0]);
  sent.slice(5).forEach((at, i) => assert.ok(Math.abs(at - 100 * (i + 1)) <= 2, `${sent}`));
});

test('timers that have ended leave nothing and let sleepers go', async () => {
  const clock = new Clock();
  const timers = new Timers(clock);
  const slept = timers.sleep(1000);
  timers.after(5, () => assert.fail('it ran'));
  timers.end();
  assert.equal(await slept, false);
  assert.equal(clock.due.size, 0);
  assert.equal(await timers.sleep(1), false);
  assert.equal(clock.due.size, 0);
});
