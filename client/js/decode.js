// The records of azira.v1.bin, one per binary frame:
//
//   kind u8      1 tick, 2 snap; bit 7 set: bid and ask absent
//   ref          unsigned LEB128, of the ack
//   seq          unsigned LEB128
//   ts           unsigned LEB128, µs since the server's epoch
//   exp i8
//   ltp          zigzag LEB128
//   bid-ltp      zigzag LEB128 ┐ unless bit 7
//   ask-ltp      zigzag LEB128 ┘
//
// A price is n · 10^exp. Numbers have at most 10 bytes and 64 bits, prices too;
// nothing follows the last one.

import { Decimal } from './decimal.js';
import { FormError } from './errors.js';

const noQuotes = 0x80;
const kinds = [undefined, 'tick', 'snap'];
const numberBytesMax = 10;
const safeBytes = 7; // 49 bits, which a double holds exactly

/**
 * Reads one record, throwing FormError where it is none.
 *
 * @param {Uint8Array} bytes the whole frame
 * @param {number} epoch of the welcome, Unix µs
 * @returns {{type: string, ref: number, seq: number, ts: number,
 *   ltp: Decimal, bid: Decimal|null, ask: Decimal|null}}
 */
export function parseRecord(bytes, epoch) {
  const at = { bytes, next: 0 };
  const kind = readByte(at);
  const type = kinds[kind & ~noQuotes];
  if (!type) throw new FormError(`record of unknown kind ${kind}`);
  const ref = readCount(at);
  const seq = readCount(at);
  const ts = epoch + readCount(at);
  if (!Number.isSafeInteger(ts)) throw new FormError('time of a record is too large');
  const exp = (readByte(at) << 24) >> 24;
  const ltp = readSigned(at);
  const quoted = (kind & noQuotes) === 0;
  const bid = quoted ? new Decimal(readBeside(ltp, at), exp) : null;
  const ask = quoted ? new Decimal(readBeside(ltp, at), exp) : null;
  if (at.next !== bytes.length) throw new FormError('bytes after the end of a record');
  return { type, ref, seq, ts, ltp: new Decimal(ltp, exp), bid, ask };
}

function readByte(at) {
  if (at.next >= at.bytes.length) throw new FormError('record is cut short');
  return at.bytes[at.next++];
}

/** An unsigned number that a double holds exactly. */
function readCount(at) {
  const n = readUnsigned(at);
  if (typeof n === 'number') return n;
  if (n > BigInt(Number.MAX_SAFE_INTEGER)) throw new FormError('number is beyond 2^53');
  return Number(n);
}

function readSigned(at) {
  const z = BigInt(readUnsigned(at));
  return (z >> 1n) ^ -(z & 1n);
}

/** A price told by its difference to ltp; it has 64 bits as well. */
function readBeside(ltp, at) {
  const n = ltp + readSigned(at);
  if (BigInt.asIntN(64, n) !== n) throw new FormError('price is beyond 64 bits');
  return n;
}

/** Unsigned LEB128: a number while it is short, else a BigInt. */
function readUnsigned(at) {
  let n = 0;
  for (let i = 0, unit = 1; i < safeBytes; i++, unit *= 128) {
    const b = readByte(at);
    n += (b & 0x7f) * unit;
    if (b < 0x80) return n;
  }
  return readLong(at, BigInt(n));
}

function readLong(at, low) {
  let n = low;
  for (let i = safeBytes; i < numberBytesMax; i++) {
    const b = readByte(at);
    n |= BigInt(b & 0x7f) << BigInt(7 * i);
    if (b >= 0x80) continue;
    if (n >> 64n) break;
    return n;
  }
  throw new FormError('number of a record is too long');
}
