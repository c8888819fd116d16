// Records of azira.v1.bin in the form of proto/testdata/binary.json, by an encoder of
// its own: cases beside those that all implementations share.

import { leb, record, zigzag } from './encode.js';

const epoch = 1764289349000000;
const usual = { type: 'tick', ref: 7, seq: 42, sinceEpoch: 123456, exp: -2, ltp: 12345 };
const quotes = { bid: 12340, ask: 12350 };
const max = 2n ** 63n - 1n;

/** n · 10^exp in plain digits. */
function plain(n, exp) {
  const digits = String(n).replace('-', '');
  const sign = n < 0 ? '-' : '';
  if (exp >= 0) return sign + (digits === '0' ? '0' : digits + '0'.repeat(exp));
  const all = digits.padStart(1 - exp, '0');
  return `${sign}${all.slice(0, exp)}.${all.slice(exp)}`;
}

function good(name, fields = {}) {
  const f = { ...usual, ...quotes, ...fields };
  const price = (n) => (n === null ? null : plain(n, f.exp));
  return { name, hex: record(f).toString('hex'), epoch, kind: f.type, ref: f.ref, seq: f.seq,
    ts: epoch + f.sinceEpoch, ltp: price(f.ltp), bid: price(f.bid), ask: price(f.ask) };
}

const alone = { bid: null, ask: null };
const goods = [
  good('tick'),
  good('snap', { type: 'snap' }),
  good('tick without bid and ask', alone),
  good('snap without bid and ask', { type: 'snap', ...alone }),
  good('all zero', { ref: 0, seq: 0, sinceEpoch: 0, exp: 0, ltp: 0, bid: 0, ask: 0 }),
  good('bid above, ask below', { bid: 12399, ask: 12301 }),
  good('bid and ask equal ltp', { bid: 12345, ask: 12345 }),
  good('negative prices', { ltp: -12345, bid: -12350, ask: -12340 }),
  good('bid negative, ask positive', { ltp: 0, bid: -1, ask: 1 }),
  good('differences of -64 and 63, one byte', { bid: 12345 - 64, ask: 12345 + 63 }),
  good('differences of -65 and 64, two bytes', { bid: 12345 - 65, ask: 12345 + 64 }),
  good('exponent 0', { exp: 0 }),
  good('exponent 3', { exp: 3 }),
  good('exponent 127', { exp: 127, ...alone }),
  good('exponent -1', { exp: -1 }),
  good('exponent -8, leading zeros', { exp: -8, ltp: 5, bid: 4, ask: 6 }),
  good('exponent -128', { exp: -128, ...alone }),
  good('ref 127', { ref: 127 }),
  good('ref 128', { ref: 128 }),
  good('ref 99999', { ref: 99999 }),
  good('seq 16383', { seq: 16383 }),
  good('seq 16384', { seq: 16384 }),
  good('seq of 7 bytes', { seq: 2 ** 49 - 1 }),
  good('seq of 8 bytes', { seq: 2 ** 49 }),
  good('seq 2^53 - 1', { seq: 2 ** 53 - 1 }),
  good('ts ten days on', { sinceEpoch: 864_000_000_000 }),
  good('ltp 2^53 + 1', { ltp: 2n ** 53n + 1n, ...alone }),
  good('ltp 2^62', { ltp: 2n ** 62n, bid: 2n ** 62n - 1n, ask: 2n ** 62n + 1n }),
  good('ltp of the largest int64', { ltp: max, ...alone }),
  good('ltp of the smallest int64', { ltp: -max - 1n, ...alone }),
  good('differences of 2^62', { ltp: 0n, bid: -(2n ** 62n), ask: 2n ** 62n }),
];

function bad(name, bytes) {
  return { name, hex: Buffer.from(bytes).toString('hex'), error: true };
}

const tick = [...record({ ...usual, ...quotes })];
const short = [...record(usual)];
const longest = [...Array(9).fill(0xff), 0x01]; // 2^64 - 1
const eleven = [...Array(10).fill(0x80), 0x00];
const head = [0x81, ...leb(7), ...leb(42), ...leb(1), 0xfe];

const bads = [
  bad('nothing', []),
  bad('kind alone', [0x01]),
  bad('kind 0', [0x00, ...tick.slice(1)]),
  bad('kind 3', [0x03, ...tick.slice(1)]),
  bad('kind 4', [0x04, ...tick.slice(1)]),
  bad('kind 0 with bit 7', [0x80, ...short.slice(1)]),
  bad('kind 1 with bit 6', [0x41, ...tick.slice(1)]),
  bad('cut within ts', tick.slice(0, 5)),
  bad('cut before the exponent', head.slice(0, -1)),
  bad('cut before ltp', head),
  bad('cut within ltp', [...head, 0x80]),
  bad('cut before bid', [0x01, ...head.slice(1), ...zigzag(5)]),
  bad('cut before ask', [0x01, ...head.slice(1), ...zigzag(5), ...zigzag(-1)]),
  bad('a byte after ask', [...tick, 0]),
  bad('a byte after ltp, bid and ask absent', [...short, 0]),
  bad('bid and ask where bit 7 is set', [0x81, ...tick.slice(1)]),
  bad('ref of 11 bytes', [0x81, ...eleven, ...leb(42), ...leb(1), 0xfe, ...zigzag(5)]),
  bad('seq of 11 bytes', [0x81, ...leb(7), ...eleven, ...leb(1), 0xfe, ...zigzag(5)]),
  bad('ltp of 11 bytes', [...head, ...eleven]),
  bad('ltp beyond 64 bits', [...head, ...Array(9).fill(0xff), 0x02]),
  bad('seq 2^64 - 1', [0x81, ...leb(7), ...longest, ...leb(1), 0xfe, ...zigzag(5)]),
];

export const vectors = [...goods, ...bads];
