import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Decimal, FormError, parseRecord } from '../index.js';
import { record } from './encode.js';
import { vectors } from './vectors.js';

const path = new URL('../../../proto/testdata/binary.json', import.meta.url);
const shared = JSON.parse(readFileSync(path, 'utf8'));

for (const v of [...shared, ...vectors]) {
  test(`record: ${v.name}`, () => {
    const bytes = Uint8Array.from(Buffer.from(v.hex, 'hex'));
    if (v.error) {
      assert.throws(() => parseRecord(bytes, 1764289349000000), FormError);
      return;
    }
    const got = parseRecord(bytes, v.epoch);
    const { type, ref, seq, ts } = got;
    assert.deepEqual([type, ref, seq, ts], [v.kind, v.ref, v.seq, v.ts]);
    for (const key of ['ltp', 'bid', 'ask']) {
      if (v[key] === null) assert.equal(got[key], null, key);
      else assert.ok(got[key].equals(Decimal.parse(v[key])), `${key} ${got[key]}, want ${v[key]}`);
    }
  });
}

test('records of random fields come back', () => {
  const upTo = (bits) => BigInt(Math.floor(Math.random() * 2 ** 30)) * (2n ** BigInt(bits - 30))
    + BigInt(Math.floor(Math.random() * 2 ** 20));
  for (let i = 0; i < 5000; i++) {
    const exp = Math.floor(Math.random() * 256) - 128;
    const sign = Math.random() < 0.5 ? -1n : 1n;
    const ltp = sign * upTo(30 + (i % 33));
    const f = { type: 'tick', ref: Number(upTo(31)), seq: Number(upTo(31 + (i % 20))),
      sinceEpoch: Number(upTo(45)), exp, ltp, bid: ltp - upTo(40), ask: ltp + upTo(40) };
    const got = parseRecord(new Uint8Array(record(f)), 5);
    assert.deepEqual([got.ref, got.seq, got.ts, got.ltp.n, got.bid.n, got.ask.n, got.ltp.exp],
      [f.ref, f.seq, f.sinceEpoch + 5, ltp, f.bid, f.ask, exp]);
  }
});

test('any cut of a record is refused', () => {
  const bytes = new Uint8Array(record({ type: 'snap', ref: 300, seq: 70_000, sinceEpoch: 1e9,
    exp: -4, ltp: 123_456_789, bid: 123_450_000, ask: 123_460_000 }));
  for (let n = 0; n < bytes.length; n++) {
    assert.throws(() => parseRecord(bytes.subarray(0, n), 0), FormError, `${n} bytes`);
  }
});
